"""One file a contender, all with the same `build`: see worker.py."""
