"""scikit-learn's search over a network's layers and its optimizer, by cross-validation in a pipeline.

python examples/grid_search.py
"""

from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainrule as cr
from chainrule.sklearn import Classifier

X, y = cr.data.moons(300, noise=0.2, seed=0)
straight = [cr.Dense(1), cr.Sigmoid()]
bent = [cr.Dense(16), cr.Tanh(), cr.Dense(1), cr.Sigmoid()]

model = make_pipeline(StandardScaler(), Classifier(cr.Network(straight), epochs=60))
grid = {"classifier__network__layers": [straight, bent], "classifier__network__optimizer": [cr.SGD(0.1), cr.Adam(0.02)]}
search = GridSearchCV(model, grid, cv=3).fit(X, y.ravel().astype(int))

for score, settings in zip(search.cv_results_["mean_test_score"], search.cv_results_["params"], strict=True):
    print(f"{score:.1%}", *settings.values())
print("\nthe best one, trained on all samples:\n")
print(search.best_estimator_[-1].network_.summary())
