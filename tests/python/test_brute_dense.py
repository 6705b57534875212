"""The brute force of the dense measures itself: the project's reference values of data set F, and what must hold of any data."""

import math
import unittest

import numpy as np

import brute
import brute_dense as dense

A, B, Y = brute.data_set_f()
RIDGE = {"kernel": "gaussian", "bandwidth": 1.0, "ridge": 0.01}


class DenseFixtures(unittest.TestCase):
    def close(self, found, expected, tolerance=1e-8):
        np.testing.assert_allclose(found, expected, tolerance, 1e-10)

    def test_renyi(self):  # F-ren1, F-ren2, F-ren3
        for alpha, expected in ((1, (2.05616364114, 1.52731318673, 0.647801040339)), (1.01, (2.04797506673, 1.51725163028, 0.647046869231)),
                                (2, (1.55908460283, 0.936176598342, 0.55644638028))):
            found = (dense.renyi(B, alpha=alpha, bandwidth=1.0), dense.renyi(A, B, alpha, 1.0)["mi"],
                     dense.renyi(B, Y, alpha, 1.0, labels=True)["mi"])
            self.close(found, expected)

    def test_known_entropies(self):  # T22, T23
        for alpha in (1, 1.01, 2, 3):
            self.close(dense.entropy(np.eye(40) / 3, alpha), math.log(40), 1e-10)
            self.close(dense.entropy(np.ones((8, 8)), alpha), 0, 1e-10)
        quarter = dense.of_labels([0] * 5 + [1] * 15)
        self.close([dense.entropy(quarter, a) for a in (1, 1.01, 2)], [0.5623351446, 0.5612057032, 0.4700036292], 1e-9)

    def test_alignment(self):  # F-al
        self.close(dense.alignment(dense.gaussian(B, 1.0), dense.of_labels(Y)), 0.593725681639)

    def test_logdet(self):  # F-ld1, F-ld2, T24
        covariance = {"beta": 100, "mode": "covariance"}
        self.close([dense.logdet(B, **covariance), dense.logdet(A, B, **covariance),
                    dense.logdet(B, Y, classes="conditional", labels=True, **covariance)], [5.65273516143, 1.72320008941, 1.18495310431])
        self.close([dense.logdet(A, B), dense.logdet(B, Y, labels=True)], [1.85623630651, 1.10567162764])
        self.assertEqual(dense.logdet(np.zeros((9, 3))), 0)
        column = np.tile([1.0, -1.0], 8)[:, None]
        self.close(dense.logdet(np.hstack([column, column]), beta=7, mode="covariance"), math.log(1 + 2 * 7) / 2, 1e-12)

    def test_cka(self):  # F-cka, T34
        self.close([dense.cka(A, B), dense.cka(A, B, debiased=True)], [0.555934653522, 0.54971184902])
        turn = np.linalg.qr(np.random.default_rng(1).standard_normal((4, 4)))[0]
        self.close(dense.cka(A, 3 * A @ turn + 5), 1, 1e-10)

    def test_kernels_of_training(self):  # F-krr, F-si, F-fsi
        omega, adjusted = dense.supervision_complexity(B, Y, **RIDGE)
        self.close((omega, adjusted), (5890.84838492, 4.82091669381), 1e-7)
        found = dense.unique_information(B, Y, test=B[:8], **RIDGE)
        self.close(found["loo"].mean(), 0.304069536881, 1e-7)
        self.close([2 * found["functional"][0], 2 * found["functional"].mean()], [0.000649070872785, 0.000203022390484], 1e-7)
        self.close([2 * found["information"][0], 2 * found["information"].mean()], [0.861421575012, 0.819690735442], 1e-7)

    def test_scaled_identity(self):  # T32
        signs = np.tile([0, 1], 8)
        self.close(dense.supervision_complexity(4 * np.eye(16), signs, coding="signs"), (16 / 4, 1), 1e-12)

    def test_leaving_one_out_is_training_again(self):  # T31
        few = np.arange(48)
        found = dense.unique_information(B[few], Y[few], test=A[:5, :3], **RIDGE)
        for i in (0, 17, 47):
            again = dense.retrained(B[few], Y[few], i, test=A[:5, :3], **RIDGE)
            self.close([found[name][i] for name in ("information", "loo", "functional")], again, 1e-9)


if __name__ == "__main__":
    unittest.main()
