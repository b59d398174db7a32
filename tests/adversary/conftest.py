"""The fixtures of the end-to-end tests, for attacks on the real program."""
import importlib.util
import pathlib
import sys

END_TO_END = pathlib.Path(__file__).resolve().parents[1] / "e2e"
sys.path.insert(0, str(END_TO_END))
spec = importlib.util.spec_from_file_location("end_to_end_fixtures", END_TO_END / "conftest.py")
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
globals().update({name: value for name, value in vars(module).items() if not name.startswith("__")})
