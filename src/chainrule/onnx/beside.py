"""Weights that an ONNX file keeps in another one, as PyTorch writes them: ``model.onnx.data`` beside ``model.onnx``.

Only a regular file in the same folder is opened, by its bare name and never through a link. What the ONNX file says of
it is compared with its size before it is read, and no two tensors may claim more bytes together than it has.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn

from chainrule.data.opening import Folder, file_size, open_file, read_exactly, shown
from chainrule.errors import FileError
from chainrule.onnx.protobuf import Message

_KEYS = {"location", "offset", "length"}
_ONE_FILE = (
    "Export with external_data=False, which keeps the weights in the ONNX file, or with plain external_data=True"
)
_MISSING = "Put it beside the ONNX file, or export with external_data=False, which keeps the weights in it"


@dataclass
class WeightsBeside:
    """The tensors of a file whose numbers are in others of its folder.

    Attributes
    ----------
    where : str
    folder : str
    """

    where: str
    folder: str
    _places: dict[str, list[tuple[Message, int, int]]] = field(default_factory=dict)

    def add(self, where: str, message: Message, needed: int | None) -> None:
        """Take note of a tensor that needs so many bytes; None, and its type is refused when it is used."""
        entries = {entry.get("key", ""): entry.get("value", "") for entry in message["external_data"]}
        location = entries.get("location", "")
        if message.get("data_location", 0) != 1 or any(len(message.get(key, b"")) for key in _FIELDS):
            _refuse(where, "data in another file and in this one", "them in one place")
        if set(entries) - _KEYS or len(entries) < len(message["external_data"]):
            _refuse(
                where, f"data in another file, described by {shown(sorted(entries))}", "location, offset and length"
            )
        if location in ("", ".", "..") or any(letter in location for letter in "/\\:\0") or len(location) > 255:
            _refuse(where, f"data in another file, {shown(location)}", "a file in the same folder, by its bare name")
        offset, length = (_whole(where, key, entries.get(key)) for key in ("offset", "length"))
        start, count = offset or 0, needed if length is None else length
        if needed is None:
            return
        if count != needed:
            _refuse(where, f"{count:,} bytes in {shown(location)}", f"{needed:,}, as its shape needs")
        self._places.setdefault(location, []).append((message, start, needed))

    def read(self) -> None:
        """Read the files, and give each tensor its bytes."""
        if not self._places:
            return
        with Folder(self.where, self.folder or ".") as folder:
            for location, places in self._places.items():
                path, where = folder.file(location), f"{self.where}: {shown(location)}"
                if path.status() is None:
                    raise FileError(
                        where,
                        given="weights in a file that isn't there",
                        expected="it in the folder of the ONNX file",
                        fix=_MISSING,
                    )
                with open_file("onnx.load", path) as file:
                    size = file_size(file)
                    stop = max(start + count for _, start, count in places)
                    total = sum(count for _, _, count in places)
                    if stop > size or total > size:
                        _refuse(where, f"a file of {size:,} bytes", f"{max(stop, total):,}, as the ONNX file says")
                    data = read_exactly(where, file, stop).data.toreadonly()
                for message, start, count in places:
                    message["raw_data"], message["external_data"] = data[start : start + count], ()


_FIELDS = ("raw_data", "float_data", "double_data", "int32_data", "int64_data", "uint64_data", "string_data")


def _whole(where: str, key: str, text: str | None) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18):
        _refuse(where, f"{key}={shown(text)} in another file", "a whole number of bytes")
    return int(text)


def _refuse(where: str, given: str, expected: str) -> NoReturn:
    raise FileError(where, given=given, expected=expected, fix=_ONE_FILE)
