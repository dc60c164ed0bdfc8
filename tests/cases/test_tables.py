"""Tables as they come: odd files, each with where it is from, and what its cells are."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from chainrule.data import read_table
from chainrule.errors import FileError, InputError

_ = None  # a gap


class Case(NamedTuple):
    """A file, and the cells of its columns; or what is said about it."""

    source: str
    content: str | bytes
    columns: dict[str, list[Any]] | str
    options: dict[str, Any] = {}  # noqa: RUF012 -- a tuple's field, never changed


def days(*texts: str | None) -> list[Any]:
    return [np.datetime64(text, "s") if text else None for text in texts]


CASES: dict[str, Case] = {
    # ---------------------------------------------------------------- gaps
    "an empty cell among numbers": Case("pandas", "a,b\n1,\n,4\n", {"a": [1, _], "b": [_, 4]}),
    "NA among numbers": Case("R", "a,b\nNA,1\n2,NA\n", {"a": [_, 2], "b": [1, _]}),
    "NaN, nan and -nan": Case("NumPy", "a,b\nNaN,1\nnan,2\n-nan,3\n4,4\n", {"a": [_, _, _, 4], "b": [1, 2, 3, 4]}),
    "a question mark among numbers": Case("UCI horse-colic", "a,b\n?,1\n2,?\n", {"a": [_, 2], "b": [1, _]}),
    "a question mark among words": Case("UCI adult", "a,b\n1,Private\n2,?\n", {"a": [1, 2], "b": ["Private", _]}),
    "a space before the question mark": Case("UCI adult", "a, b\n1, x\n2, ?\n", {"a": [1, 2], "b": ["x", _]}),
    "a minus alone": Case("World Bank", "a,b\n-,1\n-2,2\n", {"a": [_, -2], "b": [1, 2]}),
    "two points": Case("World Bank", "a,b\n..,1\n3.5,2\n", {"a": [_, 3.5], "b": [1, 2]}),
    "a point, as SAS writes": Case("SAS", "a,b\n.,1\n3,2\n", {"a": [_, 3], "b": [1, 2]}),
    "none among numbers": Case("Python", "a,b\nNone,1\n3,2\n", {"a": [_, 3], "b": [1, 2]}),
    "none among words is a word": Case("Titanic-like", "a,b\n1,none\n2,wine\n", {"a": [1, 2], "b": ["none", "wine"]}),
    "NULL, as databases write": Case("MySQL", "a,b\nNULL,x\n3,NULL\n", {"a": [_, 3], "b": ["x", _]}),
    "<NA>, as pandas prints": Case("pandas", "a,b\n<NA>,x\n3,<NA>\n", {"a": [_, 3], "b": ["x", _]}),
    "errors of a spreadsheet": Case("Excel", "a,b\n#N/A,1\n#DIV/0!,2\n3,3\n", {"a": [_, _, 3], "b": [1, 2, 3]}),
    "Namibia among countries": Case(
        "pandas 15816", "c,v\nDE,1\nNA,2\nFR,3\nIT,4\n", {"c": ["DE", "NA", "FR", "IT"], "v": [1, 2, 3, 4]}
    ),
    "plus and minus are words": Case("UCI credit", "a,b\n1,+\n2,-\n", {"a": [1, 2], "b": ["+", "-"]}),
    "999 said to be a gap": Case("NOAA", "a,b\n1,999\n999,x\n", {"a": [1, _], "b": [_, "x"]}, {"missing": [999]}),
    "999.0 is the same number": Case("NOAA", "a,b\n1,2\n999.0,3\n", {"a": [1, _], "b": [2, 3]}, {"missing": [999]}),
    "a word said to be a gap": Case(
        "Excel", "a,b\n1,x\nunknown,y\n", {"a": [1, _], "b": ["x", "y"]}, {"missing": ["unknown"]}
    ),
    "gaps of one column only": Case(
        "pandas", "a,b\n1,NA\n9,y\n", {"a": [1, _], "b": [_, "y"]}, {"missing": {"a": ["9"]}}
    ),
    "NA said to be a word": Case(
        "pandas 15816", "a,b\n1,NA\n9,y\n", {"a": [1, 9], "b": ["NA", "y"]}, {"missing": {"b": []}}
    ),
    "a column of gaps alone": Case("Excel", "a,b\n1,\n2,\n", {"a": [1, 2], "b": [_, _]}),
    "a gap late": Case("pandas", "a\n" + "1\n" * 9000 + "NA\n", {"a": [1] * 9000 + [_]}),
    # ---------------------------------------------------------------- words
    "a word late among numbers": Case("DtypeWarning", "a\n" + "1\n" * 9000 + "x\n", {"a": ["1"] * 9000 + ["x"]}),
    "true and false": Case("pandas", "a,b\nTrue,1\nFalse,2\n", {"a": ["True", "False"], "b": [1, 2]}),
    "yes and no": Case("UCI bank", "a;b\n1;yes\n2;no\n", {"a": [1, 2], "b": ["yes", "no"]}),
    "zip codes": Case("pandas 2347", "zip,n\n01234,1\n90210,2\n", {"zip": ["01234", "90210"], "n": [1, 2]}),
    "zip codes said to be numbers": Case(
        "pandas 2347", "zip,n\n01234,1\n90210,2\n", {"zip": [1234, 90210], "n": [1, 2]}, {"kinds": {"zip": "number"}}
    ),
    "a code late": Case("pandas 2347", "z\n" + "123\n" * 9000 + "012\n", {"z": ["123"] * 9000 + ["012"]}),
    "zeros before a point are no code": Case("COBOL", "a,b\n01.50,1\n02,2\n", {"a": [1.5, 2], "b": [1, 2]}),
    "an id of nineteen digits": Case(
        "Twitter",
        "id,n\n1234567890123456789,1\n1234567890123456788,2\n",
        {"id": ["1234567890123456789", "1234567890123456788"], "n": [1, 2]},
    ),
    "numbers said to be words": Case(
        "pandas", "a,b\n1,2\n1.0,3\n", {"a": ["1", "1.0"], "b": [2, 3]}, {"kinds": {"a": "word"}}
    ),
    "spaces around words": Case("UCI adult", "a,b\n1, x \n2,x\n", {"a": [1, 2], "b": ["x", "x"]}),
    "an underscore makes a word": Case("Python", "a,b\n1_000,1\n2,2\n", {"a": ["1_000", "2"], "b": [1, 2]}),
    "hexadecimal numbers are words": Case("dump", "a,b\n0x10,1\n0x11,2\n", {"a": ["0x10", "0x11"], "b": [1, 2]}),
    "versions are words": Case("PyPI", "v,b\n1.2.3,1\n1.10.0,2\n", {"v": ["1.2.3", "1.10.0"], "b": [1, 2]}),
    "times are words": Case("taxis", "t,b\n12:30,1\n08:15,2\n", {"t": ["12:30", "08:15"], "b": [1, 2]}),
    # ---------------------------------------------------------------- numbers
    "decimal commas": Case("UCI AirQuality", "a;b\n1,5;2,6\n3;4,25\n", {"a": [1.5, 3], "b": [2.6, 4.25]}),
    "decimal commas without a header": Case(
        "German bank", "1,5;2,6\n3,5;4,25\n", {"column 0": [1.5, 3.5], "column 1": [2.6, 4.25]}
    ),
    "commas in quotes": Case("Excel", 'a,b\n"1,234",1\n"12,345,678",2\n', {"a": [1234, 12345678], "b": [1, 2]}),
    "a single comma in quotes": Case("Excel", 'a,b\n"1,234",1\n"5,678",2\n', {"a": [1234, 5678], "b": [1, 2]}),
    "points for thousands": Case("German bank", "a;b\n1.234,5;1\n2;2\n", {"a": [1234.5, 2], "b": [1, 2]}),
    "points for thousands, by another column": Case(
        "German bank", "people;share\n1.234;1,5\n5.678;2,25\n", {"people": [1234, 5678], "share": [1.5, 2.25]}
    ),
    "one comma, by another column": Case(
        "German bank", "a;b\n1,234;1,5\n5,678;2,25\n", {"a": [1.234, 5.678], "b": [1.5, 2.25]}
    ),
    "commas for thousands, by another column": Case(
        "US bank", "a;b\n1,234;1.5\n5,678;2.25\n", {"a": [1234, 5678], "b": [1.5, 2.25]}
    ),
    "a comma that may be either": Case("bank", "a;b\n1,234;1\n5,678;2\n", "Pass decimal=',' or decimal='.'"),
    "points that may be either": Case("German bank", "a;b\n1.234;x\n5.678;y\n", "Pass decimal=',' or decimal='.'"),
    "points said to be thousands": Case(
        "German bank", "a;b\n1.234;x\n5.678;y\n", {"a": [1234, 5678], "b": ["x", "y"]}, {"decimal": ","}
    ),
    "points said to be decimals": Case(
        "US bank", "a;b\n1.234;x\n5.678;y\n", {"a": [1.234, 5.678], "b": ["x", "y"]}, {"decimal": "."}
    ),
    "points that are decimals, by another column": Case(
        "US bank", "a;b\n1.234;0.5\n5.678;2.25\n", {"a": [1.234, 5.678], "b": [0.5, 2.25]}
    ),
    "points before one digit": Case("UCI wine", "a;b\n7.4;x\n11.2;y\n", {"a": [7.4, 11.2], "b": ["x", "y"]}),
    "said to be decimal commas": Case(
        "bank", "a;b\n1,234;1\n5,678;2\n", {"a": [1.234, 5.678], "b": [1, 2]}, {"decimal": ","}
    ),
    "said to be thousands": Case("bank", "a;b\n1,234;1\n5,678;2\n", {"a": [1234, 5678], "b": [1, 2]}, {"decimal": "."}),
    "a zero before the comma": Case("bank", "a;b\n0,123;1\n5,678;2\n", {"a": [0.123, 5.678], "b": [1, 2]}),
    "spaces for thousands": Case("INSEE", "a;b\n1 234 567;1\n890;2\n", {"a": [1234567, 890], "b": [1, 2]}),
    "narrow spaces for thousands": Case("INSEE", "a;b\n1\u202f234,5;1\n890;2\n", {"a": [1234.5, 890], "b": [1, 2]}),
    "unbreakable spaces for thousands": Case("INSEE", "a;b\n1\xa0234;1\n890;2\n", {"a": [1234, 890], "b": [1, 2]}),
    "apostrophes for thousands": Case("Swiss bank", "a;b\n1'234.50;1\n90;2\n", {"a": [1234.5, 90], "b": [1, 2]}),
    "Indian groups": Case("Indian bank", 'a,b\n"12,34,567",1\n"890",2\n', {"a": [1234567, 890], "b": [1, 2]}),
    "groups that are none": Case("list", 'a,b\n"1,23,4",1\n"5",2\n', {"a": ["1,23,4", "5"], "b": [1, 2]}),
    "dollars": Case("Airbnb", 'p,b\n"$1,200.00",1\n$85.00,2\n', {"p": [1200, 85], "b": [1, 2]}),
    "negative dollars": Case("bank", "p,b\n-$12,1\n$85,2\n", {"p": [-12, 85], "b": [1, 2]}),
    "euros behind": Case("German bank", "p;b\n12,50 €;1\n1.200,00 €;2\n", {"p": [12.5, 1200], "b": [1, 2]}),
    "codes of currencies": Case("bank", "p,b\nEUR 12,1\nEUR 8.5,2\n", {"p": [12, 8.5], "b": [1, 2]}),
    "two currencies are words": Case("bank", "p,b\n$12,1\n€8,2\n", {"p": ["$12", "€8"], "b": [1, 2]}),
    "a currency now and then is a word": Case("bank", "p,b\n$12,1\n8,2\n", {"p": ["$12", "8"], "b": [1, 2]}),
    "percent": Case("LendingClub", "r,b\n10.65%,1\n15.27%,2\n", {"r": [10.65, 15.27], "b": [1, 2]}),
    "percent after a space": Case("Excel", "r;b\n45 %;1\n5 %;2\n", {"r": [45, 5], "b": [1, 2]}),
    "negative numbers in brackets": Case("bookkeeping", 'a,b\n"(1,234)",1\n56,2\n', {"a": [-1234, 56], "b": [1, 2]}),
    "a real minus": Case("Wikipedia", "a,b\n−5,1\n3,2\n", {"a": [-5, 3], "b": [1, 2]}),
    "exponents": Case("NumPy", "a,b\n1e3,1\n-2.5E-1,2\n", {"a": [1000, -0.25], "b": [1, 2]}),
    "a plus sign": Case("weather", "a,b\n+5,1\n3,2\n", {"a": [5, 3], "b": [1, 2]}),
    "a comma late": Case(
        "German bank", "a;b\n" + "1;2\n" * 9000 + "1,5;2\n", {"a": [1] * 9000 + [1.5], "b": [2] * 9001}
    ),
    "many decimal commas": Case(
        "German bank",
        "a;b\n" + "".join(f"{i},{i % 10};1\n" for i in range(9000)),
        {"a": [i + i % 10 / 10 for i in range(9000)], "b": [1] * 9000},
    ),
    "infinity": Case("NumPy", "a,b\n1,2\ninf,3\n", "a number that is not finite in line 3, column 'a'"),
    "infinity said to be a gap": Case(
        "NumPy", "a,b\n1,2\ninf,3\n", {"a": [1, _], "b": [2, 3]}, {"missing": {"a": ["inf", "-inf"]}}
    ),
    "a number beyond float64": Case("NumPy", "a,b\n1,2\n1e999,3\n", "not finite in line 3, column 'a'"),
    # ---------------------------------------------------------------- dates
    "days": Case("pandas", "d,b\n2024-02-29,1\n,2\n", {"d": days("2024-02-29", _), "b": [1, 2]}),
    "times": Case("taxis", "d,b\n2019-03-23 20:21:09,1\n", {"d": days("2019-03-23T20:21:09"), "b": [1]}),
    "times with a T, parts of seconds and Z": Case(
        "logs", "d,b\n2019-03-23T20:21:09.123Z,1\n", {"d": days("2019-03-23T20:21:09"), "b": [1]}
    ),
    "times of a zone": Case("logs", "d,b\n2019-03-23T20:21:09+02:00,1\n", {"d": days("2019-03-23T18:21:09"), "b": [1]}),
    "days with points": Case(
        "German bank", "d;b\n31.12.2023;1\n1.2.2024;2\n", {"d": days("2023-12-31", "2024-02-01"), "b": [1, 2]}
    ),
    "the day first": Case(
        "UCI household", "d;b\n16/12/2006;1\n1/2/2007;2\n", {"d": days("2006-12-16", "2007-02-01"), "b": [1, 2]}
    ),
    "the month first": Case(
        "CDC", "d,b\n12/16/2006,1\n1/2/2007,2\n", {"d": days("2006-12-16", "2007-01-02"), "b": [1, 2]}
    ),
    "day or month first": Case(
        "pandas 12585", "d,b\n1/2/2007,1\n3/4/2007,2\n", "Pass day_first=True or day_first=False"
    ),
    "said that the day is first": Case(
        "pandas 12585", "d,b\n1/2/2007,1\n", {"d": days("2007-02-01"), "b": [1]}, {"day_first": True}
    ),
    "said that the month is first": Case(
        "pandas 12585", "d,b\n1/2/2007,1\n", {"d": days("2007-01-02"), "b": [1]}, {"day_first": False}
    ),
    "the order of another column": Case(
        "trips", "d,e\n1/2/2007,13/2/2007\n", {"d": days("2007-02-01"), "e": days("2007-02-13")}
    ),
    "both orders are words": Case(
        "pandas 12585", "d,b\n13/2/2007,1\n2/13/2007,2\n", {"d": ["13/2/2007", "2/13/2007"], "b": [1, 2]}
    ),
    "an order that the cells refute": Case("pandas", "d,b\n13/2/2007,1\n", "Pass day_first=True", {"day_first": False}),
    "day and month the same": Case(
        "bank", "d,b\n1/1/2007,1\n2/2/2007,2\n", {"d": days("2007-01-01", "2007-02-02"), "b": [1, 2]}
    ),
    "half past two in the afternoon": Case(
        "CDC", "d,b\n12/16/2006 02:30 PM,1\n", {"d": days("2006-12-16T14:30"), "b": [1]}
    ),
    "names of months": Case(
        "Yahoo", "d,b\n16-Dec-2006,1\n2 January 2007,2\n", {"d": days("2006-12-16", "2007-01-02"), "b": [1, 2]}
    ),
    "names of months first": Case("Netflix", 'd,b\n"September 9, 2019",1\n', {"d": days("2019-09-09"), "b": [1]}),
    "years of two digits": Case(
        "FRED", "d;b\n31.12.68;1\n31.12.69;2\n", {"d": days("2068-12-31", "1969-12-31"), "b": [1, 2]}
    ),
    "no such day": Case("Excel", "d,b\n2023-02-29,1\n2023-02-28,2\n", {"d": ["2023-02-29", "2023-02-28"], "b": [1, 2]}),
    "a date is asked for": Case(
        "Excel", "d,b\n2023-02-29,1\n", "'2023-02-29' in line 2, column 'd'", {"kinds": {"d": "date"}}
    ),
    "seasons are words": Case("NBA", "s,b\n2010-11,1\n2011-12,2\n", {"s": ["2010-11", "2011-12"], "b": [1, 2]}),
    # ---------------------------------------------------------------- the file
    "pandas' index": Case("pandas", ",a,b\n0,1,x\n1,2,y\n", {"a": [1, 2], "b": ["x", "y"]}),
    "an index read as a column before": Case(
        "Kaggle", "Unnamed: 0,a,b\n0,1,x\n1,2,y\n", {"a": [1, 2], "b": ["x", "y"]}
    ),
    "R's names of rows": Case(
        "R mtcars", '"mpg","cyl"\n"Mazda RX4",21,6\n"Datsun 710",22.8,4\n', {"mpg": [21, 22.8], "cyl": [6, 4]}
    ),
    "R's table with spaces": Case(
        "R write.table", '"mpg" "cyl"\n"Mazda RX4" 21 6\n"Datsun 710" 22.8 4\n', {"mpg": [21, 22.8], "cyl": [6, 4]}
    ),
    "a first column without a name that is none": Case(
        "pivot", ",a\nx,1\nx,2\n", {"column 0": ["x", "x"], "a": [1, 2]}
    ),
    "rows that end with a delimiter": Case("FEC", "a,b\n1,2,\n3,4,\n", {"a": [1, 3], "b": [2, 4]}),
    "all lines end with a delimiter": Case("AirQuality", "a;b;;\n1,5;2;;\n3;4;;\n", {"a": [1.5, 3], "b": [2, 4]}),
    "runs of spaces": Case("linnerud", "Chins Situps\n 5  162\n 2   110\n", {"Chins": [5, 2], "Situps": [162, 110]}),
    "tabs and spaces": Case(
        "UCI seeds",
        "15.26\t\t14.84 1\n14.88  14.57\t1\n",
        {"column 0": [15.26, 14.88], "column 1": [14.84, 14.57], "column 2": [1, 1]},
    ),
    "sep=;": Case("Excel", "sep=;\na;b\n1;2\n", {"a": [1], "b": [2]}),
    "sep=| against the look": Case("Excel", "sep=|\na,x|b\n1|2\n", {"a,x": [1], "b": [2]}),
    "comments at the top": Case("gnuplot", "# made today, by me\n# again\na,b\n1,2\n", {"a": [1], "b": [2]}),
    "names in a comment": Case("numpy.savetxt", "# x y\n1.0 2.0\n3.0 4.0\n", {"x": [1, 3], "y": [2, 4]}),
    "comments between rows": Case("gnuplot", "a,b\n1,2\n# half\n3,4\n", {"a": [1, 3], "b": [2, 4]}),
    "lines to skip": Case(
        "World Bank", 'Source,"WDI"\n\nUpdated\na,b,c\n1,2,3\n', {"a": [1], "b": [2], "c": [3]}, {"skip_rows": 3}
    ),
    "counts in the first line": Case(
        "scikit-learn iris",
        "2,2,setosa,virginica\n5.1,3.5,0\n6.2,3.4,1\n",
        {"column 0": [5.1, 6.2], "column 1": [3.5, 3.4], "column 2": ["setosa", "virginica"]},
    ),
    "counts in a line as long as the others": Case(
        "scikit-learn iris",
        "2,4,setosa,versicolor,virginica\n5,3,1,0,0\n6,3,5,2,2\n",
        {
            "column 0": [5, 6],
            "column 1": [3, 3],
            "column 2": [1, 5],
            "column 3": [0, 2],
            "column 4": ["setosa", "virginica"],
        },
    ),
    "years as names": Case(
        "gapminder",
        "country,1990,2000,2010\nFrance,1,2,3\nPeru,4,5,6\n",
        {"country": ["France", "Peru"], "1990": [1, 4], "2000": [2, 5], "2010": [3, 6]},
    ),
    "a number among names": Case("survey", "age,1\n3,x\n4,y\n", {"age": [3, 4], "1": ["x", "y"]}),
    "letters without a header": Case(
        "UCI mushroom",
        "p,x,s\ne,x,s\np,b,s\n",
        {"column 0": ["p", "e", "p"], "column 1": ["x", "x", "b"], "column 2": ["s"] * 3},
    ),
    "words with a header": Case(
        "survey", "name,town\nAnn,Ulm\nBob,Bonn\n", {"name": ["Ann", "Bob"], "town": ["Ulm", "Bonn"]}
    ),
    "Latin-1": Case(
        "Excel", "a,b\nM\xfcller,1\nBj\xf6rn,2\n".encode("latin-1"), {"a": ["Müller", "Björn"], "b": [1, 2]}
    ),
    "the euro of Windows": Case("Excel", "a;b\n5 €;1\n7 €;2\n".encode("cp1252"), {"a": [5, 7], "b": [1, 2]}),
    "a mark of UTF-8": Case("Excel", "\ufeffa,b\n1,ü\n".encode(), {"a": [1], "b": ["ü"]}),
    "UTF-16": Case("Excel", "a\tb\n1\tü\n".encode("utf-16"), {"a": [1], "b": ["ü"]}),
    "UTF-16, the other way around": Case(
        "Java", b"\xfe\xff" + "a,b\n1,ü\n".encode("utf-16-be"), {"a": [1], "b": ["ü"]}
    ),
    "UTF-16 without a mark": Case("SQL Server", "a,b\n1,2\n".encode("utf-16-le"), "Pass encoding='utf-16-le'"),
    "UTF-16 that is named": Case(
        "SQL Server", "a,b\n1,2\n".encode("utf-16-le"), {"a": [1], "b": [2]}, {"encoding": "utf-16-le"}
    ),
    "damaged UTF-8": Case(
        "a cut file", "a,b\nüäö,1\n".encode() + b"\xfc,2\n", "1 damaged characters among 3 whole ones"
    ),
    "gzip": Case("pandas", gzip.compress(b"a,b\n1,x\n"), {"a": [1], "b": ["x"]}),
    "lines that end as Windows has it": Case("Windows", "a,b\r\n1,x\r\n2,y\r\n", {"a": [1, 2], "b": ["x", "y"]}),
    "lines that end as an old Mac has it": Case("Excel", "a,b\r1,x\r2,y\r", {"a": [1, 2], "b": ["x", "y"]}),
    "a line break in quotes": Case("Excel", 'a,b\n1,"x\ny"\n2,z\n', {"a": [1, 2], "b": ["x\ny", "z"]}),
    "quotes in quotes": Case("Excel", 'a,b\n1,"say ""hi"""\n', {"a": [1], "b": ['say "hi"']}),
    "an inch is no quote": Case("catalogue", 'a,b\n1,5" pipe\n', {"a": [1], "b": ['5" pipe']}),
    "blank lines": Case("Excel", "\na,b\n\n1,x\n   \n2,y\n\n", {"a": [1, 2], "b": ["x", "y"]}),
    "commas in words between tabs": Case(
        "IMDb", "n\tb\nSmith, J\t1\nRay, M\t2\n", {"n": ["Smith, J", "Ray, M"], "b": [1, 2]}
    ),
    "bars in words between commas": Case(
        "MovieLens", "a,g\n1,Comedy|Drama\n2,Action|War\n", {"a": [1, 2], "g": ["Comedy|Drama", "Action|War"]}
    ),
    # ---------------------------------------------------------------- what is refused
    "a workbook": Case("Excel", b"PK\x03\x04\x14\x00", "a ZIP file, such as an Excel workbook"),
    "two columns of one name": Case("join", "a,b,a\n1,2,3\n", "two columns called 'a'"),
    "a row too long": Case("log", "a,b\n1,2\n3,4,5\n", "3 cells in line 3"),
    "a row too short": Case("log", "a,b\n1,2\n3\n", "1 cells in line 3"),
    "a quote that never ends": Case("log", 'a,b\n1,2\n"3,4\n5,6\n', "in lines 3 to 4"),
    "nothing": Case("touch", "", "an empty file"),
    "a header alone": Case("filter", "a,b\n", "a header without rows"),
    "a word where a number is known": Case(
        "next month", "a,b\n1,2\nx,3\n", "'x' in line 3, column 'a'", {"kinds": {"a": "number"}}
    ),
    "a kind of a column that isn't there": Case(
        "next month", "a,b\n1,2\n", "Did you mean 'a'", {"kinds": {"A": "word"}}
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_table_is_read_as_it_is_meant(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    path = tmp_path / "table.csv"
    path.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode())
    if isinstance(case.columns, str):
        with pytest.raises((FileError, InputError)) as caught:
            read_table(path, **case.options)
        assert case.columns in str(caught.value)
        return
    found = read_table(path, **case.options)
    assert list(found) == list(case.columns)
    for column, cells in case.columns.items():
        values = found[column]
        if values.kind == "word":
            assert [values.words[code] if code >= 0 else None for code in values.values.tolist()] == cells
            continue
        kinds = {np.datetime64: "date", str: "word", int: "number", float: "number"}
        assert {kinds[type(cell)] for cell in cells if cell is not None} <= {values.kind}
        assert values.gaps.tolist() == [cell is None for cell in cells]
        assert values.values[~values.gaps].tolist() == [np.array(cell).tolist() for cell in cells if cell is not None]
    assert all(note.isprintable() for note in found.notes)
