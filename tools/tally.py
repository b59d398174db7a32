"""Adds up test results and ends with `N passed, N failed`.

usage: tally.py FILE...

FILE.json is Meson's testlog.json: each program counts as the Catch2 test cases that it reports, or as one test when it reports
none (it crashed, or is no Catch2 program). FILE.xml is pytest's JUnit report. Exit status 1 on a failure, or when nothing ran.
"""
import json
import re
import sys
import xml.etree.ElementTree as xml

ALL_PASSED = re.compile(r"All tests passed \(.* in (\d+) test cases?\)")
FAILED_CASE = re.compile(r"^-{20,}\n(.+)\n-{20,}\n", re.MULTILINE)   # Catch2 heads a case that failed so
TOTALS = re.compile(r"^test cases: *\d+(.*)$", re.MULTILINE)


def catch2_cases(output):
    """(passed, failed, skipped) as the last lines of a Catch2 program say, or None."""
    if found := ALL_PASSED.search(output):
        return int(found[1]), 0, 0
    if found := TOTALS.search(output):
        counts = {what: int(n) for n, what in re.findall(r"(\d+) (passed|failed|skipped)", found[1])}
        return tuple(counts.get(what, 0) for what in ("passed", "failed", "skipped"))
    return None


def meson_results(path, failures):
    """Yields (name, passed, failed, skipped) for each program of a testlog.json; adds the names of what failed to `failures`."""
    for line in open(path, encoding="utf-8"):
        test = json.loads(line)
        ended_well = test["result"] in ("OK", "EXPECTEDFAIL", "SKIP")
        passed, failed, skipped = catch2_cases(test.get("stdout", "")) or (int(ended_well), 0, 0)
        if not ended_well and failed == 0:
            failed = 1
        failures += [test["name"], *FAILED_CASE.findall(test.get("stdout", ""))] if failed else []
        yield test["name"], passed, failed, skipped


def junit_results(path, failures):
    """Yields (name, passed, failed, skipped) for each suite of a JUnit report; adds the names of what failed to `failures`."""
    for suite in xml.parse(path).getroot().iter("testsuite"):
        count = {key: int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped")}
        failed = count["failures"] + count["errors"]
        yield suite.get("name"), count["tests"] - failed - count["skipped"], failed, count["skipped"]
        for case in suite.iter("testcase"):
            if case.find("failure") is not None or case.find("error") is not None:
                failures.append(f"{case.get('classname')}::{case.get('name')}")


def main():
    total, failures = [0, 0, 0], []
    for path in sys.argv[1:]:
        for name, *counts in (meson_results if path.endswith(".json") else junit_results)(path, failures):
            print(f"{name:32} {counts[0]:5} passed {counts[1]:5} failed {counts[2]:5} skipped")
            total = [a + b for a, b in zip(total, counts)]
    for name in failures:
        print(f"failed: {name}")
    passed, failed, skipped = total
    print(f"{passed} passed, {failed} failed" + (f", {skipped} skipped" if skipped else ""))
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
