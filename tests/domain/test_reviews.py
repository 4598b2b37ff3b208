"""Reviews: which findings count, and which lines a diff changed."""

from domain.patches import changed_lines
from domain.reviews import Finding, Findings, review_of

DIFF = """diff --git a/app/a.py b/app/a.py
index 1111111..2222222 100644
--- a/app/a.py
+++ b/app/a.py
@@ -1,4 +1,5 @@
 one
-two
+second
+--- b/not/a/header
 three
 four
@@ -10 +11,0 @@ def f():
-gone
diff --git a/app/new.py b/app/new.py
new file mode 100644
--- /dev/null
+++ b/app/new.py
@@ -0,0 +1,2 @@
+a
+b
\\ No newline at end of file
diff --git a/app/old.py b/app/old.py
deleted file mode 100644
--- a/app/old.py
+++ /dev/null
@@ -1,2 +0,0 @@
-a
-b
"""


def test_changed_lines_are_those_of_the_new_file_and_those_beside_a_loss() -> None:
    changed = changed_lines(DIFF)
    assert changed["app/a.py"].added == {2, 3}
    assert changed["app/a.py"].beside == {1, 2, 11, 12}
    assert changed["app/new.py"].added == {1, 2}
    assert changed["app/old.py"].touched == {1, 2}
    assert set(changed) == {"app/a.py", "app/new.py", "app/old.py"}


def test_lines_beside_a_loss_are_the_same_without_context() -> None:
    head = "--- a/app/a.py\n+++ b/app/a.py\n"
    with_context = head + "@@ -1,4 +1,2 @@\n one\n-two\n-three\n four\n"
    without = head + "@@ -2,2 +1,0 @@ one\n-two\n-three\n"
    assert changed_lines(without) == changed_lines(with_context)
    assert changed_lines(without)["app/a.py"].beside == {1, 2}
    assert changed_lines(head + "@@ -1,2 +0,0 @@\n-two\n-three\n")["app/a.py"].beside == {1}


def test_a_diff_that_is_cut_counts_as_far_as_it_goes() -> None:
    assert changed_lines(DIFF[: DIFF.index("+--- b")])["app/a.py"].added == {2}
    assert changed_lines("") == {}


def finding(path: str, line: int) -> Finding:
    return Finding(path=path, line=line, severity="blocking", sentence="It is wrong.")


def test_findings_about_other_lines_are_dropped_and_counted() -> None:
    handed = Findings(findings=(finding("app/a.py", 3), finding("./app/new.py", 1), finding("app/a.py", 5), finding("b.py", 1)))
    review = review_of(handed, changed_lines(DIFF), "c" * 40)
    assert [each.line for each in review.blocking] == [3, 1]
    assert review.dropped == 2
    assert "2 that pointed at no changed line were dropped" in review.sentence
