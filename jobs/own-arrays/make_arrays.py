"""Two arrays of which one contains the other: full.npy has the columns x, y, z, part.npy only x and y.

usage: python3 make_arrays.py [FOLDER]        (default: the folder of this file)
"""

import os
import sys

import numpy as np

folder = sys.argv[1] if len(sys.argv) > 1 else os.path.dirname(os.path.abspath(__file__))
full = np.random.default_rng(0).standard_normal((4000, 3)).astype("float32")
np.save(os.path.join(folder, "full.npy"), full)
np.save(os.path.join(folder, "part.npy"), full[:, :2])
