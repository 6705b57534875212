"""The brute force itself: hand-made fixtures, data set F, and what must hold of any data.

The numbers of data set F come from another program (the table of reference values of the project), so that two brute forces
written apart agree. F-kld is not here: the entropy difference that it tests is not a measure of infostrata.
"""

import math
import unittest

import numpy as np
from sklearn.feature_selection import mutual_info_classif, mutual_info_regression

import brute

A, B, Y = brute.data_set_f()
X4, Y4 = [0.0, 1.0, 3.0, 7.0], [0.0, 5.0, 1.0, 2.6]
RAW = {"metric": "chebyshev", "scale": "none"}


def square_in_order(x):
    """All squared distances, summed over the features in their order, each operation rounded."""
    total = np.zeros((len(x), len(x)))
    for column in x.T:
        difference = column[:, None] - column[None, :]
        total += difference * difference
    return total


class Agree(unittest.TestCase):
    def close(self, found, expected):
        self.assertLessEqual(abs(found - expected), 1e-9 * abs(expected), f"{found!r} for {expected!r}")

    def all_close(self, found, expected):
        self.assertEqual(len(found), len(expected))
        for one, other in zip(found, expected):
            self.close(one, other)


class Fixtures(Agree):
    def test_imbalance(self):
        found = [brute.imbalance(*pair, k) * len(A) ** 2 * k / 2 for k in (1, 5) for pair in ((A, B), (B, A))]
        self.all_close(found, [5953, 11005, 39670, 65078])
        self.close(brute.imbalance(X4, Y4), 1.25)

    def test_permutations(self):
        self.assertEqual(int(brute.random_words(0, 0, [0])[0]), 0xE169C58D6627E8D5)  # Random123's known answer
        taken, label = brute.permutation(50, 3, 7, np.arange(50) % 4), np.arange(50) % 4
        self.assertTrue((label[taken] == label).all() and sorted(taken) == list(range(50)) and (taken != np.arange(50)).any())
        self.assertEqual(brute.permutation(9, 0, 0, np.arange(9)).tolist(), list(range(9)))
        self.assertEqual(brute.null_facts(2.0, np.array([1.0, 2.0, 3.0])), (2.0, 1.0, 0.75))
        self.assertEqual(brute.null_facts(1.5, np.array([1.0, 2.0, 3.0]), lower=True)[2], 0.5)

    def test_by_hand(self):
        self.close(brute.entropy_kl(X4, k=1), 3.0463408993132)  # T9
        self.close(brute.mi_ksg(X4, Y4, k=1, scale="none"), -0.5)  # T10
        self.close(brute.mi_ksg(X4, Y4, k=1, type=2, scale="none"), -1 / 6)
        self.close(brute.mi_ross([0, 1, 3, 7, 8, 12], [0, 0, 1, 1, 0, 1], k=1), -0.95 / 9)  # T11

    def test_the_data_set(self):
        self.assertEqual(brute.SplitMix64(12345).bits(), 0x22118258A9D111A0)
        np.testing.assert_allclose(A[0], [0.149692653976279, 0.513038499788779, 0.225923033754087, 0.451205287933439], 1e-13)
        np.testing.assert_allclose(B[0], [0.33136918538631, -0.0247652409469283, -0.0681384693671653], 1e-13)
        self.close(A.sum(), -6.92520859456)
        self.assertEqual(np.bincount(Y).tolist(), [53, 68, 76, 59])

    def test_entropy(self):  # F-kl
        self.all_close([brute.entropy_kl(A, metric="chebyshev"), brute.entropy_kl(A), brute.entropy_kl(B, metric="chebyshev")],
                       [5.77053079173, 5.72768603892, 2.09545467304])

    def test_ksg(self):  # F-ksg, F-ksgz, F-ksge, F-ksg1
        self.all_close([brute.mi_ksg(A, B, k, form, **RAW) for k in (3, 5) for form in (1, 2)],
                       [1.49429361271, 1.72392009255, 1.27277964703, 1.46118319468])
        self.all_close([brute.mi_ksg(A, B, 3, form, "chebyshev", "zscore") for form in (1, 2)],
                       [1.64505925022, 1.75958891192])
        self.close(brute.mi_ksg(A, B, scale="none"), 1.50184237738)
        for metric in ("euclidean", "manhattan", "chebyshev"):  # on a line they are one
            self.all_close([brute.mi_ksg(A[:, 0], B[:, 0], 3, form, metric, "none") for form in (1, 2)],
                           [1.27167795514, 1.40634107589])

    def test_ross(self):  # F-ross
        self.all_close([brute.mi_ross(B, Y), brute.mi_ross(A, Y), brute.mi_ross(B, Y, metric="chebyshev")],
                       [0.926766752929, 1.08600041459, 0.937558848592])

    def test_mixed(self):  # F-mix, F-mix3
        # F-mix takes the class number for a coordinate: the same, as long as no joint distance reaches 1.
        self.close(brute.mi_mixed(B, Y, labels=True, **RAW), 0.934628590763)
        self.close(brute.mi_mixed(B, Y, **RAW), 0.934628590763)
        self.close(brute.mi_mixed(A[:, 0], B[:, 0], **RAW), 1.20887940407)
        self.close(brute.mi_mixed(np.floor(B / 0.5), Y, **RAW), 1.50264431544)

    def test_dimension(self):  # F-id1 to F-id4
        both = [[brute.dimension(x, **how) for x in (A, B)] for how in (
            {}, {"method": "twonn-fit"}, {"method": "gride", "n1": 2}, {"method": "gride", "n1": 4},
            {"method": "mle", "average": "levina"}, {"method": "mle"})]
        expected = [[4.15959503516, 2.48764561795], [4.21305099464, 2.52732072173], [4.03145264759, 2.53519264909],
                    [4.14957442139, 2.37584261627], [4.5654917675, 2.79589811581], [4.04750775625, 2.35543237779]]
        self.all_close(np.ravel(both), np.ravel(expected))
        self.close(brute.dimension(A, "gride", n1=1), both[0][0])

    def test_overlap(self):  # F-ov
        found = [brute.overlap(A, B, 10), brute.label_overlap(A, Y, 10), brute.label_overlap(B, Y, 10)]
        self.all_close(found, [674 / 2560, 1822 / 2560, 1807 / 2560])


class Conventions(Agree):
    def setUp(self):
        rng = np.random.default_rng(3)
        self.lattice = rng.integers(0, 3, (240, 3)).astype(float)
        self.normal = rng.standard_normal((240, 5))
        self.labels = rng.integers(0, 4, 240)

    def test_distances_are_summed_in_the_order_of_the_features(self):
        x = np.random.default_rng(0).standard_normal((60, 131)).astype(np.float32)
        np.testing.assert_array_equal(brute.Space(x).rows(0, 60), square_in_order(brute.layer(x)))

    def test_blocks_change_nothing(self):
        def found():
            return (brute.mi_ross(self.lattice, self.labels), brute.mi_ksg(self.lattice, self.normal, type=2),
                    brute.mi_mixed(self.lattice, self.labels, labels=True), brute.overlap(self.lattice, self.normal))
        whole = found()
        self.addCleanup(setattr, brute, "BLOCK", brute.BLOCK)
        brute.BLOCK = 240 * 7
        self.assertEqual(found(), whole)

    def test_the_order_of_equal_distances_is_the_index(self):
        index, distance = brute.neighbours(brute.Space([0.0, 1.0, -1.0, 1.0, 0.0]), 3)
        self.assertEqual(index[0].tolist(), [4, 1, 2])
        self.assertEqual(distance[0].tolist(), [0, 1, 1])
        # The other row 1.0 comes first, at distance 0; then 0.0 at rows 0 and 4.
        self.assertEqual(index[1].tolist(), [3, 0, 4])

    def test_the_row_itself_goes_after_infinite_distances(self):
        near = brute.nearest(np.array([[0.0, np.inf, np.inf]]), np.array([[True, False, False]]), 2)
        self.assertEqual(near.tolist(), [[1, 2]])

    def test_ross_with_ties_and_small_classes(self):
        self.close(brute.mi_ross(np.zeros(240), self.labels),
                   brute.digamma(240) + np.mean([brute.digamma(n - 1) - brute.digamma(n) for n in brute.classes(self.labels)[1]])
                   - brute.digamma(239))
        # A class of two has one neighbour; classes of one are as if their rows were not there.
        x, y = [0, 1, 3, 7, 8, 12, 12.5], [0, 0, 1, 1, 0, 1, 2]
        for k in (1, 3, 9):
            self.close(brute.mi_ross(x, y, k), brute.mi_ross(x[:6], y[:6], k))
        self.assertEqual(brute.mi_ross(x, y, 2), brute.mi_ross(x, y, 9))
        with self.assertRaises(ValueError):
            brute.mi_ross(x, np.arange(7))

    def test_ross_reaches_its_ceiling(self):
        apart = self.normal + 1e3 * self.labels[:, None]
        self.close(brute.mi_ross(apart, self.labels), brute.ross_ceiling(self.labels))
        self.close(brute.mi_ross(1e3 * apart, -self.labels), brute.ross_ceiling(self.labels))

    def test_labels_have_no_scale(self):
        value = brute.mi_mixed(self.normal, self.labels, labels=True, scale="none")
        for scale in ("none", "rms"):
            self.assertEqual(brute.mi_mixed(1024 * self.normal, 7 * self.labels, labels=True, scale=scale), value)
        with self.assertRaises(ValueError):
            brute.mi_mixed(self.normal, [0] * 5 + [1] * 235, labels=True)

    def test_discrete_data_have_the_plug_in_value_of_the_paper_form_in_the_limit(self):
        x = np.repeat([0, 1, 0, 1], [400, 100, 100, 400])
        y = np.repeat([0, 0, 1, 1], [400, 100, 100, 400])
        plug_in = 0.8 * math.log(0.8 / 0.5) + 0.2 * math.log(0.2 / 0.5)
        code, paper = (brute.mi_mixed(x, y, form=form) for form in ("code", "paper"))
        self.assertAlmostEqual(code, plug_in, delta=2e-3)
        self.assertAlmostEqual(paper, plug_in, delta=5e-3)
        # All radii are 0: type 1 of KSG takes the same counts.
        self.assertEqual(brute.zero_radius(x, y), 1)
        self.close(brute.mi_ksg(x, y) - brute.digamma(1000), code - math.log(1000))

    def test_rms_makes_a_common_factor_of_one_layer_irrelevant(self):
        value = brute.mi_ksg(self.normal, self.lattice)
        self.assertEqual(brute.mi_ksg(1024 * self.normal, self.lattice), value)
        self.close(brute.mean_square_distance(self.normal), brute.Space(self.normal).rows(0, 240).sum() / (240 * 239))
        self.assertNotEqual(brute.mi_ksg(1024 * self.normal, self.lattice, scale="none"), value)

    def test_a_constant_column_becomes_zero(self):
        x = np.column_stack([self.normal[:, 0], np.full(240, 0.1)])
        self.assertEqual(np.abs(brute.zscore(x)[:, 1]).max(), 0)
        self.assertEqual(brute.mi_ksg(x, self.lattice, scale="zscore"),
                         brute.mi_ksg(x[:, :1], self.lattice, scale="zscore"))

    def test_entropy_of_balls_and_duplicates(self):
        column = self.normal[:, :1]
        self.close(brute.entropy_kl(column, metric="manhattan"), brute.entropy_kl(column))
        self.close(brute.log_ball(2, "manhattan"), math.log(2))  # the square |x| + |y| <= 1
        self.close(brute.log_ball(3, "euclidean"), math.log(4 / 3 * math.pi))
        twice = np.concatenate([self.normal, self.normal[:1]])
        self.assertEqual(brute.entropy_kl(twice, k=1), -math.inf)
        self.assertTrue(math.isfinite(brute.entropy_kl(twice, k=2)))

    def test_dimensions_count_duplicates_once(self):
        more = np.concatenate([self.normal, self.normal[:60], self.normal[:60] * 1.0])
        for how in ({}, {"method": "twonn-fit"}, {"method": "gride", "n1": 4}, {"method": "mle"}):
            self.assertEqual(brute.dimension(more, **how), brute.dimension(self.normal, **how))
        self.assertEqual(brute.dimension(self.normal, "twonn-fit", keep=1), brute.dimension(self.normal))
        self.assertEqual(len(brute.distinct([[0.0], [-0.0], [1.0]])), 2)
        # mu = 1 where distances tie: defined, and not a number far off.
        self.assertTrue(0 < brute.dimension(np.indices((6, 6, 6)).reshape(3, -1).T, "gride", n1=4) < 20)

    def test_overlap_by_class_fraction(self):
        labels = np.repeat([0, 1], [230, 10])
        index = brute.neighbours(brute.Space(self.normal), 23)[0]
        expected = [(labels[index[i, :23]] == 0).mean() if i < 230 else float(labels[index[i, 0]] == 1) for i in range(240)]
        self.close(brute.label_overlap(self.normal, labels, class_fraction=0.1), np.mean(expected))
        self.assertEqual(brute.overlap(self.normal, 3 * self.normal), 1)

    def test_scikit_learn_on_columns_without_ties(self):
        columns = self.normal[:, :3] + 0.8 * np.column_stack([self.labels, self.normal[:, 3], self.labels])
        for k in (1, 3, 7):
            # Its values are clipped at 0, so that only columns that say something can be compared.
            found = mutual_info_classif(columns[:, [0, 2]], self.labels, n_neighbors=k, random_state=0)
            self.all_close([brute.mi_ross(columns[:, j], self.labels, k) for j in (0, 2)], found)
            found = mutual_info_regression(columns[:, 1:2], self.normal[:, 3], n_neighbors=k, random_state=0)
            for scale in ("rms", "zscore"):  # of one column both are its standard deviation, but for a factor
                self.close(brute.mi_ksg(columns[:, 1], self.normal[:, 3], k, scale=scale), found[0])


if __name__ == "__main__":
    unittest.main()
