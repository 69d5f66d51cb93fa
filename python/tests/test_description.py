# The package against the one description of the API: the same parameters with the same defaults, and a docstring for everything.
import ast
import inspect
import pathlib
import unittest

import tidemill

DESCRIPTION = ast.parse((pathlib.Path(__file__).parents[2] / "bindings" / "api.pyi").read_text())


def described_functions():
    """(qualified name, definition) of every function and method; not the properties, and not those that only users define."""
    for node in DESCRIPTION.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        prefix = f"{node.name}." if isinstance(node, ast.ClassDef) else ""
        for member in members:
            is_function = isinstance(member, ast.FunctionDef) and not member.decorator_list
            if is_function and not (ast.get_docstring(member) or "").startswith("Only if you define it"):
                yield prefix + member.name, member


def found(name):
    thing = tidemill
    for part in name.split("."):
        thing = getattr(thing, part)
    return thing


class Description(unittest.TestCase):
    def test_parameters_and_defaults_are_as_described(self):
        compared = 0
        for name, described in described_functions():
            if inspect.ismethoddescriptor(found(name)):  # written in C: takes what its name says, by position
                continue
            parameters = [parameter for parameter in inspect.signature(found(name)).parameters.values() if parameter.name != "self"]
            arguments = [argument.arg for argument in described.args.args if argument.arg != "self"]
            defaults = [ast.literal_eval(default) for default in described.args.defaults]
            self.assertEqual([parameter.name for parameter in parameters], arguments, name)
            self.assertEqual([parameter.default for parameter in parameters if parameter.default is not parameter.empty], defaults, name)
            compared += 1
        self.assertGreater(compared, 30)

    def test_everything_has_its_docstring(self):
        for name, described in described_functions():
            if not name.endswith("__init__"):
                self.assertEqual(inspect.getdoc(found(name)), inspect.cleandoc(ast.get_docstring(described)), name)


if __name__ == "__main__":
    unittest.main()
