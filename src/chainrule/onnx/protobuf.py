"""Reading protobuf's wire format, as far as ONNX needs it, from bytes that anyone may have written.

A message becomes a dictionary. Only fields of the table are taken, each of its own type, and only so many of them in
all: memory stays in proportion to the file. Long lists of numbers, and what is not looked into, stay bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from chainrule.data.opening import shown
from chainrule.errors import FileError

Message = dict[str, Any]

MOST_FIELDS = 200_000

# Message -> its fields: number, name, and kind: int, float, text, bytes, another message, or chunks (the bytes as they
# are, of any field); a star where there may be many.
_TABLE = {
    "Model": """1 ir_version int, 2 producer_name text, 3 producer_version text, 4 domain text, 5 model_version int,
        6 doc_string chunks, 7 graph Graph, 8 opset_import Opset*, 14 metadata_props Entry*, 20 training_info chunks*,
        25 functions chunks*, 26 configuration chunks*""",
    "Opset": "1 domain text, 2 version int",
    "Entry": "1 key text, 2 value text",
    "Graph": """1 node Node*, 2 name text, 5 initializer Tensor*, 10 doc_string chunks, 11 input Value*,
        12 output Value*, 13 value_info chunks*, 14 quantization_annotation chunks*, 15 sparse_initializer chunks*,
        16 metadata_props chunks*""",
    "Node": """1 input text*, 2 output text*, 3 name text, 4 op_type text, 5 attribute Attribute*, 6 doc_string chunks,
        7 domain text, 8 overload text, 9 metadata_props chunks*, 10 device_configurations chunks*""",
    "Attribute": """1 name text, 2 f float, 3 i int, 4 s bytes, 5 t Tensor, 6 g chunks, 7 floats chunks*,
        8 ints chunks*, 9 strings bytes*, 10 tensors chunks*, 11 graphs chunks*, 13 doc_string chunks, 14 tp chunks,
        15 type_protos chunks*, 20 type int, 21 ref_attr_name text, 22 sparse_tensor chunks,
        23 sparse_tensors chunks*""",
    "Tensor": """1 dims chunks*, 2 data_type int, 3 segment chunks, 4 float_data chunks*, 5 int32_data chunks*,
        6 string_data bytes*, 7 int64_data chunks*, 8 name text, 9 raw_data chunks, 10 double_data chunks*,
        11 uint64_data chunks*, 12 doc_string chunks, 13 external_data Entry*, 14 data_location int,
        16 metadata_props chunks*""",
    "Value": "1 name text, 2 type Type, 3 doc_string chunks, 4 metadata_props chunks*",
    "Type": """1 tensor_type TensorType, 4 sequence_type chunks, 5 map_type chunks, 6 denotation text,
        7 opaque_type chunks, 8 sparse_tensor_type chunks, 9 optional_type chunks""",
    "TensorType": "1 elem_type int, 2 shape Shape",
    "Shape": "1 dim Dimension*",
    "Dimension": "1 dim_value int, 2 dim_param text, 3 denotation text",
}


def _fields(text: str) -> dict[int, tuple[str, str, bool]]:
    words = (field.split() for field in text.split(","))
    return {int(number): (name, kind.rstrip("*"), kind.endswith("*")) for number, name, kind in words}


FIELDS = {message: _fields(text) for message, text in _TABLE.items()}

_WIRE = {"int": 0, "float": 5}  # everything else has a length


def decode(where: str, data: memoryview) -> Message:
    """Return the ONNX model in these bytes: field -> value, a list where there may be many.

    Raises
    ------
    FileError
        If the bytes are no such message, or have fields that are unknown, doubled or too many.
    """
    return _Decoder(where).message(data, "Model")


def varint(data: memoryview, at: int) -> tuple[int, int] | None:
    """Return the number that begins here and where it ends; None if it doesn't end, or is longer than 64 bits."""
    number = 0
    for i in range(10):
        if at + i >= len(data):
            return None
        byte = data[at + i]
        number |= (byte & 0x7F) << (7 * i)
        if byte < 0x80:
            return (number, at + i + 1) if number < 1 << 64 else None
    return None


def signed(number: int) -> int:
    """Return a 64-bit number with its sign."""
    return number - (1 << 64) if number >> 63 else number


def integers(chunks: Sequence[memoryview], most: int) -> list[int] | None:
    """Return the whole numbers of a repeated field; None if they are damaged or more than `most`."""
    numbers: list[int] = []
    for chunk in chunks:
        at = 0
        while at < len(chunk):
            found = varint(chunk, at)
            if found is None or len(numbers) == most:
                return None
            number, at = found
            numbers.append(signed(number))
    return numbers


class _Decoder:
    def __init__(self, where: str) -> None:
        self.where = where
        self.left = MOST_FIELDS

    def message(self, data: memoryview, kind: str) -> Message:
        fields = FIELDS[kind]
        found: Message = {name: () for name, _, many in fields.values() if many}
        at = 0
        while at < len(data):
            tag, at = self.varint(data, at, kind)
            if tag >> 3 not in fields:
                self.refuse(f"a field {tag >> 3} of {kind}", "fields that ONNX has")
            name, inner, many = fields[tag >> 3]
            chunk, at = self.chunk(data, at, tag & 7, kind)
            if inner != "chunks" and tag & 7 != _WIRE.get(inner, 2):
                self.refuse(f"{kind}.{name} of wire type {tag & 7}", f"wire type {_WIRE.get(inner, 2)}")
            self.left -= 1
            if self.left < 0:
                self.refuse(f"more than {MOST_FIELDS:,} fields", "fewer")
            value = self.value(chunk, inner, f"{kind}.{name}")
            if many:
                found[name] = found[name] or []
                found[name].append(value)
            elif name in found:
                self.refuse(f"{kind}.{name} twice", "it once")
            else:
                found[name] = value
        return found

    def chunk(self, data: memoryview, at: int, wire: int, kind: str) -> tuple[memoryview, int]:
        """Return the bytes of a field's value, and where the next field begins."""
        if wire == 0:
            _, end = self.varint(data, at, kind)
        elif wire == 2:
            length, at = self.varint(data, at, kind)
            end = at + length
        elif wire in (1, 5):
            end = at + (8 if wire == 1 else 4)
        else:
            self.refuse(f"wire type {wire} in {kind}", "one of those that ONNX uses")
        if end > len(data):
            self.refuse(f"a field of {kind} that ends after its message", "whole fields")
        return data[at:end], end

    def value(self, chunk: memoryview, inner: str, place: str) -> Any:
        if inner == "int":
            return signed(self.varint(chunk, 0, place)[0])
        if inner == "bytes":
            return bytes(chunk)
        if inner == "text":
            try:
                return str(chunk, "utf-8")
            except UnicodeDecodeError:
                self.refuse(f"{place} {shown(bytes(chunk[:40]))}", "text in UTF-8")
        if inner in FIELDS:
            return self.message(chunk, inner)
        return chunk  # of a float, or of something to be looked into later

    def varint(self, data: memoryview, at: int, kind: str) -> tuple[int, int]:
        found = varint(data, at)
        if found is None:
            self.refuse(f"a number in {kind} that is cut off or longer than 64 bits", "whole numbers")
        return found

    def refuse(self, given: str, expected: str) -> NoReturn:
        raise FileError(self.where, given=given, expected=expected, fix="It is no ONNX file, or damaged: export again")
