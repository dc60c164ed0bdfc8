"""The figures that the documentation claims, each measured by a function of this package."""
