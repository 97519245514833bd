"""Averaging embeddings: in the worker over a face and its mirror image, in the agent over several frames."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Embedding = npt.NDArray[np.float64]


def rescaled_mean(embeddings: Sequence[Embedding]) -> Embedding:
    """The mean, brought to the mean length of what went in.

    A mean of different vectors is shorter than they are, which would move every distance, strangers' as well.
    """
    mean: Embedding = np.mean(embeddings, axis=0)
    length = float(np.linalg.norm(mean))
    if length == 0.0:
        return mean
    usual = float(np.mean([np.linalg.norm(embedding) for embedding in embeddings]))
    return mean * (usual / length)
