"""Which sample is explained, and why it is that one; the sample as a picture; what the network says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chainrule.explain.document import Block, Paragraph, Picture
from chainrule.explain.notation import number
from chainrule.explain.plain_words import in_words, sentence_of
from chainrule.explain.sample_picture import picture_of

if TYPE_CHECKING:
    from chainrule.explain.builder import Builder


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
    picture = picture_of(analysis)
    if picture is not None and analysis.batch is not None:
        rows, columns = picture.shape[:2]
        shape = "×".join(map(str, analysis.batch.shape))
        blocks.append(Picture(words("picture", rows=rows, columns=columns), picture))
        blocks.append(Paragraph(words("picture_numbers", shape=f"[{shape}]")))
    blocks += [Paragraph(sentence_of(said, words)) for said in in_words(analysis)]
    if analysis.thinned is not None:
        blocks.append(Paragraph(words("dropout_on" if analysis.thinned else "dropout_off")))
    return blocks
