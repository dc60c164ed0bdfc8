"""A plugin for pytest that puts our estimators where scikit-learn's tests import theirs from."""

from __future__ import annotations

import sklearn.neural_network

import chainrule.sklearn

sklearn.neural_network.MLPClassifier = chainrule.sklearn.MLPClassifier
sklearn.neural_network.MLPRegressor = chainrule.sklearn.MLPRegressor
