"""Which sample is explained, and why it is that one; the sample as a picture; what the network says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.explain.document import Block, Paragraph, Picture, TableBlock, Text
from chainrule.explain.notation import Joined, Math, Number, Symbol, number
from chainrule.explain.prediction_in_words import said_of, sentence_of
from chainrule.explain.sample_picture import picture_of

if TYPE_CHECKING:
    from chainrule.explain.builder import Builder

MOST_COLUMNS = 24  # of a table that are listed


def sample_blocks(builder: Builder) -> list[Block]:
    """Write which sample it is, and what the network says of it."""
    analysis, words = builder.analysis, builder.words
    blocks: list[Block] = []
    worst = analysis.worst
    if worst is not None and worst.among > 1:
        key = "sample_worst" if worst.every else "sample_worst_first"
        text = words(key, sample=worst.sample, among=f"{worst.among:,}", loss=number(worst.loss))
        blocks.append(Paragraph(text))
        if worst.alike > 1:
            blocks.append(Paragraph(words("sample_alike", alike=f"{worst.alike:,}")))
    elif analysis.sample is not None:
        blocks.append(Paragraph(words("sample", sample=analysis.sample)))
    elif analysis.samples is not None:
        blocks.append(Paragraph(words("batch", samples=analysis.samples)))
    blocks += _columns(builder)
    picture = picture_of(analysis)
    if picture is not None and analysis.batch is not None:
        rows, columns = picture.shape[:2]
        shape = "×".join(map(str, analysis.batch.shape))
        blocks.append(Picture(words("picture", rows=rows, columns=columns), picture))
        blocks.append(Paragraph(words("picture_numbers", shape=f"[{shape}]")))
    blocks += [Paragraph(sentence_of(said, words)) for said in said_of(analysis)]
    if analysis.dropout is not None:
        blocks.append(Paragraph(words("dropout_on" if analysis.dropout else "dropout_off")))
    return blocks


def _columns(builder: Builder) -> list[Block]:
    """Write the sample column by column, if the network knows the names of a table's columns."""
    analysis, words = builder.analysis, builder.words
    names = analysis.network.feature_names if analysis.network is not None else None
    batch = analysis.batch
    if names is None or batch is None or analysis.samples != 1 or batch.shape != (1, len(names)):
        return []
    rows: list[list[Math | str | Text]] = [
        [Joined((Symbol("x"), "", Symbol(f"[{i}]"))), name, Number(number(float(value)))]
        for i, (name, value) in enumerate(zip(names[:MOST_COLUMNS], batch[0]))
    ]
    more = len(names) - len(rows)
    rest = [Paragraph(words("columns_more", count=f"{more:,}"))] if more else []
    return [TableBlock([words(key) for key in ("symbol", "head_column", "head_value")], rows), *rest]
