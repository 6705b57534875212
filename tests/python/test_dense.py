"""The dense measures of the program against their brute force; any number of ranks; leaving out and training again; refusals."""

import csv
import os
import re
import subprocess
import tempfile
import unittest

import h5py
import numpy as np

import brute
import brute_dense as dense

PROGRAM = os.environ.get("INFOSTRATA")
A, B, Y = brute.data_set_f()
FEW = 48  # samples of the jobs that are run at several ranks: no multiple of the block, fewer than a block
CLOSE = {"renyi": 1e-8, "logdet": 1e-9, "cka": 1e-9, "supervision-complexity": 1e-7, "unique-information": 1e-7}


def run(folder, measures, ranks=1, code=0, **options):
    """Runs a job in a folder of arrays; the rows of its results, and what the program said."""
    layers = "".join(f"    {name}: {name}.npy\n" for name in options.get("layers", ()))
    labels = "".join(f"    {name}: {name}.npy\n" for name in options.get("labels", ()))
    manifest = os.path.join(folder, "job.yaml")
    with open(manifest, "w", encoding="utf-8") as file:
        file.write(f"version: 1\nname: dense\ninput:\n  layers:\n{layers}" + (f"  labels:\n{labels}" if labels else "")
                   + options.get("input", "") + "measures:\n" + "".join(f"  - {measure}\n" for measure in measures) + "output: out\n")
    output = os.path.join(folder, f"out{ranks}")
    command = [PROGRAM, "run", manifest, "--output", output, *options.get("more", ())]
    if ranks > 1:
        command = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks), *command]
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, check=False)
    if done.returncode != code:
        raise AssertionError(f"exit code {done.returncode} instead of {code}\n{done.stdout}{done.stderr}")
    path = os.path.join(output, "results.csv")
    if not os.path.exists(path):
        return [], done.stderr
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file)), done.stderr


def details(row):
    return dict(item.split("=", 1) for item in (row["params"] + ";" + row["detail"]).split(";") if "=" in item)


def save(folder, **arrays):
    for name, values in arrays.items():
        np.save(os.path.join(folder, name + ".npy"), values)


def full_kernel(jacobian):
    """n x c x n x c of a Jacobian n x c x weights."""
    return np.einsum("iap,jbp->iajb", jacobian, jacobian)


@unittest.skipUnless(PROGRAM, "INFOSTRATA does not name the program")
class Dense(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory(prefix="dense ")
        self.addCleanup(self.scratch.cleanup)
        self.folder = self.scratch.name

    def close(self, row, expected, tolerance=None):
        np.testing.assert_allclose(float(row["value"]), expected, tolerance or CLOSE[row["measure"]], 1e-10,
                                   f"{row['measure']} {row['quantity']} {row['source']} {row['target']} {row['params']}")

    def test_entropies_and_alignments_against_brute_force(self):
        save(self.folder, a=A, b=B, y=Y)
        arrays = {"a": A, "b": B, "y": Y}
        rows, _ = run(self.folder, ["renyi: {layers: [b], alpha: [1, 1.01, 2, 3], bandwidth: [1, silverman]}",
                                    "renyi: {pairs: [[a, b]], alpha: [1.01, 2], bandwidth: [1, median, knn]}",
                                    "renyi: {layers: [a, b], target: y, alpha: [1.01, 2], bandwidth: [1, alignment]}",
                                    "logdet: {layers: [b], mode: [correlation, covariance]}",
                                    "logdet: {pairs: [[a, b]], mode: [correlation, covariance], beta: [100, auto]}",
                                    "logdet: {layers: [b], target: y, mode: [correlation, covariance], classes: [one-hot, conditional]}",
                                    "cka: {pairs: [[a, b]], debiased: [false, true], kernel: [linear, gaussian]}",
                                    "cka: {layers: [b], target: y, debiased: [false, true]}"], layers=["a", "b"], labels=["y"])
        self.assertEqual(len(rows), 8 + 12 + 16 + 2 + 4 + 4 + 4 + 2)
        for row in rows:
            found = details(row)
            params = {"labels": row["target"] == "y"}
            for name, value in found.items():
                if name in ("alpha", "bandwidth", "beta"):
                    params[name] = value if value in ("median", "silverman", "knn", "alignment", "auto") else float(value)
                elif name in ("mode", "classes", "kernel") or (name == "debiased"):
                    params[name] = value == "true" if name == "debiased" else value
            target = arrays.get(row["target"])
            if row["measure"] == "renyi":
                expected = dense.renyi(arrays[row["source"]], target, **params)
                expected = expected if target is None else expected[row["quantity"]]
                self.assertEqual("reproducible" in found, found["alpha"] != "2")
            elif row["measure"] == "logdet":
                expected = dense.logdet(arrays[row["source"]], target, **params)
            else:
                expected = dense.cka(arrays[row["source"]], target, **params)
            self.close(row, expected)

    def test_more_features_than_samples(self):
        rng = np.random.default_rng(3)
        wide, other = rng.standard_normal((20, 30)).astype(np.float32), rng.standard_normal((20, 7))
        save(self.folder, wide=wide, other=other, y=np.arange(20) % 3)
        rows, _ = run(self.folder, ["logdet: {layers: [wide]}", "logdet: {pairs: [[wide, other]], mode: [correlation, covariance]}",
                                    "logdet: {layers: [wide], target: y}", "cka: {pairs: [[wide, other]], debiased: [false, true]}",
                                    "cka: {layers: [wide], target: y}"], layers=["wide", "other"], labels=["y"])
        y = np.arange(20) % 3
        expected = [dense.logdet(wide), dense.logdet(wide, other), dense.logdet(wide, other, mode="covariance"),
                    dense.logdet(wide, y, labels=True), dense.cka(wide, other), dense.cka(wide, other, True), dense.cka(wide, y, labels=True)]
        for row, value in zip(rows, expected):
            self.close(row, value)

    def test_products_are_shared_and_kept_apart(self):
        """Tasks of one layer share its products; those of other labels and layers, scales and widths do not."""
        labels = {"y": Y, "z": np.arange(len(Y)) % 2, "u": np.arange(len(Y)) % 5}
        save(self.folder, a=A, b=B, c=A[:, :2] ** 2, **labels)
        kinds = "mode: covariance, beta: [3, 100]"
        rows, _ = run(self.folder, [f"logdet: {{layers: [a, b], {kinds}}}", f"logdet: {{layers: [a, b], target: [y, z, u], {kinds}}}",
                                    "cka: {layers: [a, b], target: [y, z, u], debiased: [false, true]}",
                                    f"logdet: {{pairs: [[a, b], [a, c], [c, b]], {kinds}}}",
                                    "cka: {pairs: [[a, b], [a, c], [c, b]], debiased: [false, true], kernel: [gaussian, linear]}"],
                      layers=["a", "b", "c"], labels=list(labels))
        self.assertEqual(len(rows), 4 + 12 + 12 + 6 + 12)
        arrays = {"a": A, "b": B, "c": A[:, :2] ** 2, **labels}
        for row in rows:
            found = details(row)
            params = {"labels": row["target"] in labels}
            target = arrays.get(row["target"])
            if row["measure"] == "logdet":
                expected = dense.logdet(arrays[row["source"]], target, beta=float(found["beta"]), mode="covariance", **params)
            else:
                expected = dense.cka(arrays[row["source"]], target, found["debiased"] == "true", found["kernel"], **params)
            self.close(row, expected)

    def test_exact_kernels(self):
        """T22, T23, T24, T32, T34: samples far apart, two clusters, all alike or almost, scaled identity."""
        far, quarter = 1e3 * np.arange(24.0)[:, None], np.repeat([0.0, 1e3], [6, 18])[:, None]
        turned = 3 * B[:24] @ np.linalg.qr(np.random.default_rng(1).standard_normal((3, 3)))[0] + 5
        save(self.folder, far=far, quarter=quarter, zero=np.zeros((24, 2)), b=B[:24], turned=turned, scaled=4 * np.eye(24),
             two=np.arange(24) % 2)
        rows, _ = run(self.folder, ["renyi: {layers: [far, quarter], alpha: [1, 1.01, 2], bandwidth: 1}",
                                    "renyi: {layers: [zero], alpha: [1.01, 2], bandwidth: 1}", "logdet: {layers: [zero]}",
                                    "cka: {pairs: [[b, turned]]}", "supervision-complexity: {layers: [scaled], target: two, coding: signs}"],
                      layers=["far", "quarter", "zero", "b", "turned", "scaled"], labels=["two"])
        expected = [np.log(24)] * 3 + [0.5623351446, 0.5612057032, 0.4700036292] + [0, 0, 0, 1, 6, 1]
        for row, value in zip(rows, expected):
            self.close(row, value, 1e-9)
        self.assertEqual([row["note"] for row in rows[:3]], ["narrow-kernel"] * 3)
        self.assertIn("wide-kernel", rows[6]["note"])
        self.assertEqual(["clusters-only" in row["note"] for row in rows[:8]], [False] * 5 + [True] + [False] * 2)

    def test_half_of_the_pairs_are_equal(self):
        """The median distance is 0: the width is that of the others, and the row says so."""
        most = np.concatenate([np.zeros((18, 3)), B[:6]])
        save(self.folder, most=most, b=B[:24])
        rows, _ = run(self.folder, ["renyi: {pairs: [[most, b]], alpha: [1.01, 2]}", "cka: {pairs: [[b, most]], kernel: gaussian}"], layers=["most", "b"])
        for row in rows:
            self.assertIn("width-of-unequal", row["note"])
        found = details(rows[0])
        distances = np.sqrt(dense.squares(most)[np.triu_indices(24, 1)])
        self.assertLess(2 * (distances > 0).sum(), len(distances))
        np.testing.assert_allclose(float(found["width_source"]), np.median(distances[distances > 0]), 1e-12)
        self.close(rows[0], dense.renyi(most, B[:24])["mi"])
        self.close(rows[-1], dense.cka(B[:24], most, kernel="gaussian"))

    def test_kernels_of_training_against_brute_force(self):
        outputs = 3
        first, y = 0.1 * np.random.default_rng(5).standard_normal((FEW, outputs)), np.arange(FEW) % outputs
        kernel, cross = dense.gaussian(B[:FEW], 1.0), dense.gaussian(A[:5, :3], 1.0, B[:FEW])
        save(self.folder, k=kernel, cross=cross, b=B[:FEW], tests=A[:5, :3], first=first, y=y, logits=A[:FEW])
        rows, _ = run(self.folder, [f"supervision-complexity: {{layers: [k], target: [y, logits], {more}}}" for more in
                                    ("ridge: 0.01", "ridge: 0.01, centred: true")]
                      + ["unique-information: {layers: [k], target: y, ridge: 0.01, test: cross.npy, initial: first.npy}",
                         "unique-information: {layers: [b], target: logits, kernel: gaussian, bandwidth: 1, ridge: 0.01, test: tests.npy, sigma: 2}"],
                      layers=["k", "b", "logits"], labels=["y"])
        given = {"ridge": 0.01}
        at = 0
        for centred in (False, True):
            for target, labels in ((y, True), (A[:FEW], False)):
                for value in dense.supervision_complexity(kernel, target, centred=centred, labels=labels, **given):
                    self.close(rows[at], value)
                    at += 1
        for options in ({"target": y, "test": cross, "initial": first},
                        {"target": A[:FEW], "labels": False, "source": B[:FEW], "kernel": "gaussian", "bandwidth": 1.0, "test": A[:5, :3], "sigma": 2.0}):
            found = dense.unique_information(**{"source": kernel, **given, **options})
            for quantity, name in (("information", "information"), ("functional-information", "functional"), ("loo-residual", "loo")):
                self.assertEqual(rows[at]["quantity"], quantity)
                self.close(rows[at], found[name].mean())
                at += 1
            if options.get("labels", True):
                wrong = (np.eye(outputs)[y] - found["residual"]).argmax(axis=1) != y
                self.close(rows[at], wrong.mean(), 1e-12)
                at += 1
        self.assertEqual(at, len(rows))


    def test_plan_keeps_outputs_together(self):
        """The blocks that the plan tells are those of the matrices: whole numbers of outputs."""
        n, c = 12, 5
        save(self.folder, k=np.eye(n * c).reshape(n, c, n, c), y=np.arange(n) % c)
        run(self.folder, ["unique-information: {layers: [k], target: y}"], layers=["k"], labels=["y"])
        done = subprocess.run([PROGRAM, "plan", os.path.join(self.folder, "job.yaml"), "--ranks", "2"], capture_output=True, text=True, check=True)
        self.assertIn("the largest of order 60, 2 at once: blocks of 60 on 1 x 2 ranks", done.stdout)

    def test_a_kernel_of_all_outputs_is_training_again(self):
        """T31: n x c x n x c; every sample left out in turn is a network trained again without it, at any number of ranks."""
        rng = np.random.default_rng(5)
        n, outputs, ridge = 24, 2, 0.5
        jacobian, tests = rng.standard_normal((n, outputs, 60)), rng.standard_normal((4, outputs, 60))
        first, y = 0.1 * rng.standard_normal((n, outputs)), np.arange(n) % outputs
        with h5py.File(os.path.join(self.folder, "ntk.h5"), "w") as file:
            file["train"], file["test"] = full_kernel(jacobian), np.einsum("iap,jbp->iajb", tests, jacobian)
        save(self.folder, first=first, y=y)
        with open(os.path.join(self.folder, "job.yaml"), "w", encoding="utf-8") as file:
            file.write("version: 1\nname: ntk\ninput:\n  file: ntk.h5\n  layers: {ntk: /train}\n  labels: {y: y.npy}\nmeasures:\n"
                       f"  - unique-information: {{layers: [ntk], target: y, ridge: {ridge}, test: /test, initial: first.npy}}\noutput: out\n")
        error = np.eye(outputs)[y] - first
        flat = jacobian.reshape(n * outputs, -1)

        def weights(kept):
            some = flat.reshape(n, outputs, -1)[kept].reshape(-1, flat.shape[1])
            return some.T @ np.linalg.solve(some @ some.T + ridge * np.eye(len(some)), error[kept].ravel())
        whole, changes = weights(np.arange(n)), []
        for i in range(n):
            less = weights(np.delete(np.arange(n), i))
            residual = error[i] - jacobian[i] @ less
            changes.append([((whole - less) ** 2).sum() / 2, ((tests @ (whole - less)) ** 2).sum() / len(tests) / 2, (residual ** 2).sum()])
        expected = np.array(changes).T
        found = {}
        for ranks in (1, 3):
            run_again = [PROGRAM, "run", os.path.join(self.folder, "job.yaml"), "--output", os.path.join(self.folder, f"o{ranks}")]
            mpi = ["mpirun", "--oversubscribe", "--bind-to", "none", "-n", str(ranks)] if ranks > 1 else []
            subprocess.run([*mpi, *run_again], check=True, capture_output=True, timeout=100)
            with h5py.File(os.path.join(self.folder, f"o{ranks}", "results.h5")) as file:
                group = file["0-unique-information"]
                names = [name.decode() if isinstance(name, bytes) else name for name in group["quantity"][:]]
                some = group["per_sample"][:].reshape(len(names), n)
                self.assertTrue(np.isnan(some[names.index("loo-error")]).all())
                found[ranks] = some[[names.index(name) for name in ("information", "functional-information", "loo-residual")]]
            np.testing.assert_allclose(found[ranks], expected, 1e-9)
        np.testing.assert_allclose(found[1], found[3], 1e-10)

    def test_any_number_of_ranks(self):
        save(self.folder, a=A, b=B, y=Y)
        measures = ["renyi: {pairs: [[a, b]], alpha: [1.01, 2], bandwidth: median}", "renyi: {layers: [b], target: y, alpha: [1.01, 2]}",
                    "renyi: {layers: [b], target: y, alpha: 1.5, probes: 8}", "logdet: {pairs: [[a, b]], mode: covariance}",
                    "cka: {pairs: [[a, b]], kernel: [linear, gaussian]}",
                    "unique-information: {layers: [b], target: [y, a], kernel: gaussian, ridge: 0.1, test: a.npy, bandwidth: 1}"]
        measures[-1] = measures[-1].replace(", test: a.npy", "")
        all_rows = {ranks: run(self.folder, measures, ranks, layers=["a", "b"], labels=["y"])[0] for ranks in (1, 2, 4)}
        for ranks in (2, 4):
            self.assertEqual(len(all_rows[1]), len(all_rows[ranks]))
            for one, other in zip(all_rows[1], all_rows[ranks]):
                if "reproducible" not in details(one):
                    self.assertEqual(one, other)
                np.testing.assert_allclose(float(one["value"]), float(other["value"]), float(details(one).get("reproducible", 0)))
        exact = dense.renyi(B, Y, 1.5, "median", labels=True)["mi"]
        row = next(row for row in all_rows[1] if "probes=8" in row["params"] and row["quantity"] == "mi")
        self.assertEqual(row["se_method"], "probes")
        self.assertLess(abs(float(row["value"]) - exact), 4 * float(row["std_error"]))

    def test_laws(self):
        """Order of samples and numbers of classes mean nothing; a common factor means nothing to what is relative; what is of labels
        alone does not change what is of layers."""
        order = np.random.default_rng(2).permutation(len(A))
        forms = {"plain": (A, B, Y), "shuffled": (A[order], B[order], Y[order]), "renumbered": (A, B, np.array([70, -3, 1000000007, 0])[Y]),
                 "larger": (1000 * A, 1000 * B, Y)}
        for form, (a, b, y) in forms.items():
            save(self.folder, **{form + "-a": a, form + "-b": b, form + "-y": y})
        manifest = os.path.join(self.folder, "laws.yaml")
        with open(manifest, "w", encoding="utf-8") as file:
            file.write(f"version: 1\nname: laws\ngrid: {{form: [{', '.join(forms)}]}}\ninput:\n  layers: {{a: '{{form}}-a.npy', b: '{{form}}-b.npy'}}\n"
                       "  labels: {y: '{form}-y.npy'}\nmeasures:\n  - renyi: {pairs: [[a, b]], alpha: [1.01, 2]}\n"
                       "  - renyi: {layers: b, target: y, alpha: [1.01, 2], bandwidth: [silverman, knn, alignment]}\n  - renyi: {layers: [a]}\n"
                       "  - cka: {pairs: [[a, b]], kernel: [linear, gaussian], debiased: [false, true]}\n  - cka: {layers: b, target: y}\n"
                       "  - logdet: {pairs: [[a, b]], classes: [one-hot, conditional]}\n  - logdet: {layers: b, target: y, classes: [one-hot, conditional]}\n"
                       "  - supervision-complexity: {layers: b, target: y, kernel: gaussian, ridge: 0.1, centred: [false, true]}\n"
                       "  - unique-information: {layers: b, target: y, kernel: gaussian, ridge: 0.1, per_sample: false}\noutput: laws\n")
        subprocess.run([PROGRAM, "run", manifest], check=True, capture_output=True, timeout=100)
        with open(os.path.join(self.folder, "laws", "results.csv"), newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        plain = [row for row in rows if row["form"] == "plain"]
        self.assertEqual({row["status"] for row in rows}, {"ok"})
        for form in ("shuffled", "renumbered", "larger"):
            for one, other in zip(plain, (row for row in rows if row["form"] == form)):
                np.testing.assert_allclose(float(other["value"]), float(one["value"]), 1e-9, 1e-12, err_msg=f"{form} {one['measure']} {one['params']}")
        conditional = [row for row in plain if row["measure"] == "logdet" and row["target"] == "b"]
        self.assertEqual(conditional[0]["value"], conditional[1]["value"])

    def test_probes_at_any_power(self):
        """Estimates beside what they estimate: within five standard errors, and within a tenth."""
        rng = np.random.default_rng(3)
        save(self.folder, x=rng.standard_normal((400, 4)))
        rows, _ = run(self.folder, ["renyi: {layers: [x], bandwidth: 2, probes: [0, 64], alpha: [1.01, 1.5, 3, 5, 20]}"], layers=["x"])
        value = {(details(row)["alpha"], details(row)["probes"]): float(row["value"]) for row in rows}
        for row in rows:
            power, probes = details(row)["alpha"], details(row)["probes"]
            if probes == "64":
                exact, error = value[power, "0"], float(row["std_error"])
                self.assertLess(abs(value[power, "64"] - exact), min(5 * error + 1e-9, 0.1 * exact), row)

    def test_a_kernel_in_both_forms(self):
        """The same kernel for each of c outputs, and as one of all of them: one model, one adjusted complexity."""
        rng = np.random.default_rng(6)
        n, c = 20, 3
        features = rng.standard_normal((n, 40))
        kernel = features @ features.T
        save(self.folder, each=kernel, all=np.einsum("ij,ab->iajb", kernel, np.eye(c)), y=np.arange(n) % c)
        rows, _ = run(self.folder, ["supervision-complexity: {layers: [each, all], target: y}"], layers=["each", "all"], labels=["y"])
        for quantity in ("complexity", "complexity-adjusted"):
            each, both = (float(row["value"]) for row in rows if row["quantity"] == quantity)
            self.assertAlmostEqual(each / both, 1, 9)

    def test_matrices_are_given_back(self):
        """Ten kernels one after the other: as much memory as the plan says, which is that of one task."""
        rng = np.random.default_rng(7)
        names = [f"l{i}" for i in range(5)]
        save(self.folder, **{name: rng.standard_normal((1000, 4)) for name in names})
        run(self.folder, ["cka: {kernel: gaussian, bandwidth: 2}"], layers=names)
        with open(os.path.join(self.folder, "out1", "run.log"), encoding="utf-8") as file:
            most, planned = re.search(r"memory: at most ([\d.]+) MiB a rank; planned ([\d.]+) MiB", file.read()).groups()
        self.assertLess(float(most), 1.2 * float(planned))

    def test_what_cannot_be_said(self):
        lopsided = np.eye(12)
        lopsided[0, 5] = 0.5
        broken = np.eye(12)
        broken[3, 3] = np.nan
        save(self.folder, singular=np.ones((12, 12)), lopsided=lopsided, broken=broken, same=np.ones((12, 2)), b=B[:12], y=Y[:12])
        rows, _ = run(self.folder, ["supervision-complexity: {layers: [singular, lopsided, broken], target: y}",
                                    "supervision-complexity: {layers: [singular], target: y, ridge: 1e-11}",
                                    "renyi: {layers: [same]}", "cka: {pairs: [[b, same]]}"],
                      2, 4, layers=["singular", "lopsided", "broken", "same", "b"], labels=["y"])
        said = ["not positive definite", "not symmetric", "1 NaN", None, None, "finds 0 in", "no variation"]
        self.assertEqual(len(rows), len(said))
        for row, words in zip(rows, said):
            self.assertEqual(row["status"], "failed" if words else "ok", row)
            self.assertIn(words or "ridge_wanted=", row["detail"])
            self.assertIn("" if words else "ill-conditioned", row["note"])
        self.assertRegex(rows[0]["detail"], "beyond what float64 can tell, about 8e.14 for 12 rows.*give 'ridge', 1.2e-07 or more")

    def test_refusals(self):
        save(self.folder, k=np.eye(12), b=B[:12], y=Y[:12] % 2, t=np.eye(5), f=B[:7])
        for measure, words in (("supervision-complexity: {layers: [b], target: y}", "b.npy has 12 x 3 values: a dumped kernel"),
                               ("supervision-complexity: {layers: [k], target: [b], coding: signs, kernel: gaussian, bandwidth: alignment}", "alignment"),
                               ("unique-information: {layers: [k], target: y, test: t.npy}", "t.npy has 5 x 5 values"),
                               ("unique-information: {layers: [b], kernel: linear, target: y, test: t.npy}", "t.npy has 5 x 5 values"),
                               ("unique-information: {layers: [k], target: y, initial: f.npy}", "f.npy has 7 x 3 values"),
                               ("unique-information: {layers: [k], target: y, initial: b.npy}", "b.npy has 12 x 3 values: 'initial'"),
                               ("unique-information: {layers: [k], target: y, test: none.npy}", "none.npy"),
                               ("renyi: {layers: [b], bandwidth: 0}", "'bandwidth' must be above 0"),
                               ("renyi: {layers: [b], alpha: 0.5}", "at least 1"),
                               ("renyi: {layers: [b], alpha: 1, probes: 4}", "1.01")):
            self.assertIn(words, run(self.folder, [measure], 1, 2, layers=["k", "b"], labels=["y"])[1], measure)
        save(self.folder, big=np.random.default_rng(1).standard_normal((3000, 2)))
        self.assertRegex(run(self.folder, ["renyi: {layers: [big]}"], 1, 2, layers=["big"], more=["--max-memory", "60"])[1],
                         "does not fit.*matrices fit up to n = [12][0-9]{3}")

    def test_first_outputs_of_other_samples(self):
        """They must be of the samples of the kernel, as every operand: sample_id says which they are."""
        for name, ids in (("k", np.arange(12)), ("same", np.arange(12)), ("other", np.arange(12)[::-1])):
            with h5py.File(os.path.join(self.folder, name + ".h5"), "w") as file:
                file["layers/a"], file["sample_id"], file["labels/y"] = np.eye(12), ids, Y[:12] % 2
        for first, code in (("same", 0), ("other", 2)):
            with open(os.path.join(self.folder, "job.yaml"), "w", encoding="utf-8") as file:
                file.write("version: 1\ninput: {file: k.h5, layers: {a: /layers/a}, labels: [y]}\nmeasures:\n"
                           f"  - unique-information: {{target: y, initial: '{first}.h5:/outputs'}}\noutput: {first}\n")
            with h5py.File(os.path.join(self.folder, first + ".h5"), "a") as file:
                file["outputs"] = np.zeros((12, 2))
            done = subprocess.run([PROGRAM, "run", os.path.join(self.folder, "job.yaml")], capture_output=True, text=True, check=False, timeout=60)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertEqual("sample_id" in done.stderr, code == 2, done.stderr)

    def test_first_samples_and_new_contents(self):
        """`samples: {first: n}` takes the leading block of a kernel; a dataset that a parameter names is part of the result's identity."""
        kernel = dense.gaussian(B[:40], 1.0)
        save(self.folder, k=kernel, y=Y[:40], cross=kernel[:6] * 1)
        measure, options = ["unique-information: {layers: [k], target: y, ridge: 0.1, test: cross.npy}"], {
            "layers": ["k"], "labels": ["y"], "input": "  samples: {first: 30}\n"}
        found = dense.unique_information(kernel[:30, :30], Y[:30], ridge=0.1, test=kernel[:6, :30])
        rows, _ = run(self.folder, measure, **options)
        self.close(rows[1], found["functional"].mean())
        save(self.folder, cross=2 * kernel[:6])
        rows, _ = run(self.folder, measure, **options)
        self.close(rows[1], 4 * found["functional"].mean())

    def test_chosen_samples_of_a_kernel(self):
        """Columns are chosen with the rows."""
        kernel, some = dense.gaussian(B[:40], 1.0), np.array([3, 8, 9, 17, 21, 22, 30, 39])
        save(self.folder, k=kernel, y=Y[:40] % 2, cross=kernel[:6], some=some)
        rows, _ = run(self.folder, ["unique-information: {layers: [k], target: y, ridge: 0.1, test: cross.npy}"], layers=["k"], labels=["y"],
                      input="  samples: {rows: some.npy}\n")
        found = dense.unique_information(kernel[np.ix_(some, some)], Y[some] % 2, ridge=0.1, test=kernel[:6][:, some])
        for row, name in zip(rows, ("information", "functional", "loo")):
            self.close(row, found[name].mean())


if __name__ == "__main__":
    unittest.main()
