"""Ridge regression whose penalty is chosen inside the training examples."""

from dataclasses import dataclass

import numpy as np

# Of the penalty per training example: from next to nothing to next to the mean predictor.
PENALTIES = np.logspace(-6, 4, 21)


@dataclass(frozen=True, eq=False)
class Ridge:
    """What ridge regression foretells of T targets."""

    predictions: np.ndarray
    """For the test examples, float64 [B', T]."""
    penalties: np.ndarray
    """The penalty per training example that was chosen for each target, float64 [T]."""


def ridge(train: np.ndarray, targets: np.ndarray, test: np.ndarray) -> Ridge:
    """Fit ``targets`` [B, T] by ridge on ``train`` [B, M] and foretell them for ``test`` [B', M].

    Columns are standardised by their mean and deviation on ``train``; those that do not vary there carry nothing.
    The intercept has no penalty. Each target has a penalty of its own out of PENALTIES times B, the one with the
    smallest squared error when each training example is left out once (closed form).
    """
    from sklearn.linear_model import RidgeCV
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(train.astype(np.float64))
    model = RidgeCV(alphas=PENALTIES * len(train), alpha_per_target=True).fit(scaler.transform(train), targets)
    predictions = model.predict(scaler.transform(test)).reshape(len(test), -1)
    return Ridge(predictions, np.atleast_1d(model.alpha_) / len(train))


def r2(labels: np.ndarray, predictions: np.ndarray) -> np.ndarray:
    """Return 1 - squared error / squared deviation from the labels' mean of each column: float64 [T].

    ``labels`` and ``predictions`` are [B, T]. NaN for a column of labels that does not vary; negative where
    ``predictions`` are worse than the mean of these very labels.
    """
    spread = ((labels - labels.mean(0)) ** 2).sum(0)
    error = ((labels - predictions) ** 2).sum(0)
    varies = spread > 1e-20 * (labels**2).sum(0)
    return 1 - np.divide(error, spread, out=np.full_like(spread, np.nan), where=varies)
