"""The estimators, by what scikit-learn itself asks of one."""

import unittest

import numpy as np
from pfp.sklearn import BayesClassifier, BayesRegressor
from sklearn.datasets import load_diabetes, load_iris
from sklearn.model_selection import cross_val_score, train_test_split
from sklearn.utils.estimator_checks import check_estimator
from test_docs import run

#: What scikit-learn asks only where another library or a tag is there.
SKIPPED = {"check_array_api_input", "check_classifier_data_not_an_array", "check_regressor_data_not_an_array"}


class Estimators(unittest.TestCase):
    def check(self, estimator):
        results = check_estimator(estimator, on_fail=None, on_skip=None)
        wrong = [result for result in results if result["status"] not in ("passed", "skipped")]
        self.assertEqual([(result["check_name"], repr(result["exception"])) for result in wrong], [])
        skipped = {result["check_name"] for result in results if result["status"] == "skipped"}
        self.assertLessEqual(skipped, SKIPPED)
        self.assertGreater(len(results), 40)

    def test_the_classifier_passes_all_checks(self):
        self.check(BayesClassifier())

    def test_the_regressor_passes_all_checks(self):
        self.check(BayesRegressor())

    def test_the_classifier_knows_irises(self):
        X, y = load_iris(return_X_y=True)
        scores = cross_val_score(BayesClassifier(random_state=0), X, y, cv=3)
        self.assertGreater(scores.mean(), 0.9)

    def test_what_is_far_away_is_uncertain(self):
        X, y = load_iris(return_X_y=True)
        classifier = BayesClassifier(random_state=0).fit(X, y)
        near = classifier.predict_uncertainty(X).epistemic.mean()
        far = classifier.predict_uncertainty(X + 20 * X.std()).epistemic.mean()
        self.assertGreater(far, 2 * near)

    def test_deviations_of_the_regressor_cover_the_targets(self):
        X, y = load_diabetes(return_X_y=True)
        train, test, known, unknown = train_test_split(X, y, random_state=0)
        regressor = BayesRegressor(random_state=0).fit(train, known)
        mean, deviation = regressor.predict(test, return_std=True)
        np.testing.assert_array_equal(mean, regressor.predict(test))
        self.assertGreater(regressor.score(test, unknown), 0.25)
        covered = np.mean(np.abs(unknown - mean) < 1.96 * deviation)
        self.assertTrue(0.88 < covered <= 1, covered)

    def test_the_page_does_what_it_says(self):
        names = run("scikit-learn")
        self.assertGreater(names["classifier"].score(*load_iris(return_X_y=True)), 0.9)


if __name__ == "__main__":
    unittest.main()
