"""Sphinx's settings for the documentation: every code block is executed at build, and no page asks the network."""

from __future__ import annotations

import logging
import os
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]  # the reference is written from the tests' cases, too

from chainrule import __version__  # noqa: E402  # after the path, as the extensions below

# Executed pages: one thread, so that a build prints the same figures however many cores there are.
os.environ.update(OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1")
os.environ["CHAINRULE_VERBOSE"] = "0"  # and no bars, whose speeds are others each time
os.environ["IPYTHONDIR"] = str(HERE / "_ext" / "ipython")  # how pictures are shown, and no one's own profile
os.environ["MATPLOTLIBRC"] = str(HERE / "_ext" / "matplotlibrc")

os.environ["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # pages call chainrule itself
logging.getLogger("traitlets").setLevel(logging.WARNING)  # of the kernels: a line for each page

project = "chainrule"
author = "The chainrule authors"
copyright = author  # noqa: A001  # Sphinx's name
version = release = __version__
language = "en"

extensions = ["myst_nb", "sphinx.ext.mathjax"]
extensions += ["executed", "finished", "hebrew", "captions", "together", "gallery", "reference", "whole"]
exclude_patterns = ["_build", "_ext", "_static", "derivations", "pictures", "**/.ipynb_checkpoints"]
nitpicky = True

myst_enable_extensions = ["amsmath", "attrs_block", "attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

nb_execution_mode = "cache"  # kept as long as chainrule's source is the same: see _ext/executed.py
nb_execution_raise_on_error = True
nb_execution_in_temp = True  # what a page saves goes nowhere
nb_execution_timeout = 120
nb_execution_show_tb = True
nb_merge_streams = True

# MathJax 3's tex-svg is one file that carries its glyphs; its menu would fetch others.
mathjax_path = "mathjax/tex-svg.js"
mathjax3_config = {"options": {"enableMenu": False}}

html_theme = "furo"
html_title = "chainrule"
html_static_path = ["_static"]
html_css_files = ["chainrule.css"]
html_js_files = ["page.js"]
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
