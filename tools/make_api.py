#!/usr/bin/env python3
"""Makes everything that types or documents the script API from its one description, bindings/api.pyi.

    make_api.py --out DIR      writes below DIR:
        python/tidemill/__init__.pyi   stubs
        python/tidemill/_docs.py       docstrings, and attach() that hangs them on the package
        ruby/sig/tidemill.rbs          RBS signatures
        lua/tidemill.d.lua             LuaLS annotations
        docs/api.md                    the reference for people
    make_api.py --check-names  prints the public names, one a line, as tests/surface/names.txt lists them

The idioms of the languages are decided here, once:

  - A property is a method without arguments in Ruby and Lua; an attribute (of Error) is a field, in Ruby a reader.
  - A predicate is_x is x? in Ruby. Setters stay set_x.
  - Parameters with a default that follow one without, and those of a constructor, are options: keywords in Ruby, one trailing
    table in Lua. Other parameters with a default are optional arguments.
    So are those of a message, whose parts stand in the order in which they are sent (POSITIONAL).
  - What is called back is a block or a proc in Ruby; where a class is accepted too, a class, a block or a proc.
  - A name that is a keyword of Lua ends in an underscore there: connection:local_(). A parameter of that kind is called `callback`.

Plain Python 3.9, no dependency: a build runs this.
"""
import argparse
import ast
import dataclasses
import pathlib
import re
import sys
import textwrap
from typing import List, Optional

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCE = ROOT / "bindings" / "api.pyi"
NAMES = ROOT / "tests" / "surface" / "names.txt"
ORIGIN = "Made by tools/make_api.py from bindings/api.pyi; do not edit."
LANGUAGES = ("python", "ruby", "lua")
POSITIONAL = {"HttpRequest.respond", "HttpRequest.start"}

# ---- The description, read ---------------------------------------------------------------------------------------------


@dataclasses.dataclass
class Parameter:
    name: str
    type: ast.expr
    default: Optional[str]
    is_option: bool = False

    @property
    def accepts_block(self):
        type_ = ast.unparse(self.type)
        return "Callable" in type_ and not type_.startswith("dict")


@dataclasses.dataclass
class Entry:
    kind: str  # constant, function, class; in a class: attribute, property, method, constructor
    name: str
    doc: str
    owner: Optional[str] = None
    type: Optional[ast.expr] = None  # what it holds or returns
    parameters: List[Parameter] = dataclasses.field(default_factory=list)
    base: str = ""
    is_final: bool = False
    members: List["Entry"] = dataclasses.field(default_factory=list)

    @property
    def qualified(self):
        return f"{self.owner}.{self.name}" if self.owner else self.name

    @property
    def is_only_if_defined(self):
        """A callback that the base class does not have."""
        return self.doc.startswith("Only if you define it")


def read(path=SOURCE):
    return list(read_body(ast.parse(path.read_text("utf-8")).body, None))


def read_body(body, owner):
    for node, following in zip(body, [*body[1:], None]):
        if isinstance(node, ast.ClassDef):
            yield Entry("class", node.name, ast.get_docstring(node) or "", base=ast.unparse(node.bases[0]) if node.bases else "",
                        is_final="final" in decorators(node), members=list(read_body(node.body, node.name)))
        elif isinstance(node, ast.FunctionDef):
            yield read_function(node, owner)
        elif isinstance(node, ast.AnnAssign):
            is_documented = isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant)
            doc = textwrap.dedent(following.value.value).strip() if is_documented else ""
            yield Entry("attribute" if owner else "constant", node.target.id, doc, owner, node.annotation)
        elif not isinstance(node, (ast.Import, ast.ImportFrom, ast.Expr)):
            sys.exit(f"{SOURCE}:{node.lineno}: {type(node).__name__} is not understood")


def read_function(node, owner):
    arguments = node.args.args[1:] if owner else node.args.args
    defaults = [None] * (len(arguments) - len(node.args.defaults)) + [ast.unparse(default) for default in node.args.defaults]
    parameters = [Parameter(argument.arg, argument.annotation, default) for argument, default in zip(arguments, defaults)]
    is_constructor = node.name == "__init__"
    for parameter in parameters:
        if f"{owner}.{node.name}" in POSITIONAL:
            continue
        parameter.is_option = parameter.default is not None and (is_constructor or parameters[0].default is None)
    kind = "constructor" if is_constructor else "property" if "property" in decorators(node) else "method" if owner else "function"
    return Entry(kind, node.name, ast.get_docstring(node) or "", owner, node.returns, parameters)


def decorators(node):
    return [decorator.id for decorator in node.decorator_list]


def walk(entries):
    """Every entry and, after a class, its members."""
    for entry in entries:
        yield entry
        yield from entry.members


def parts(node):
    """The alternatives of A | B | C."""
    return [*parts(node.left), *parts(node.right)] if isinstance(node, ast.BinOp) else [node]


def callable_in(node):
    """The arguments, each with a name, and the result of the Callable among the alternatives of `node`."""
    call = next(part for part in parts(node) if isinstance(part, ast.Subscript) and not container(part))
    arguments, result = call.slice.elts
    return [(callback_argument(argument), argument) for argument in arguments.elts], result


def container(node):
    """'list', 'Sequence' or 'dict' and the types in it; nothing for a Callable."""
    if node.value.id == "Callable":
        return None
    return node.value.id, node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def callback_argument(node):
    """A name for what a Callable, which has no names, is given."""
    kind = ast.unparse(parts(node)[0])
    return {"Exception": "error", "SlowCallback": "report", "object": "value"}.get(kind, kind.lower())


# ---- Names -------------------------------------------------------------------------------------------------------------


def public_names(entries):
    return [entry.qualified for entry in walk(entries) if entry.kind != "constructor"]


LUA_KEYWORDS = {"and", "end", "function", "in", "local", "nil", "not", "or", "repeat", "then", "until"}


def spelling(name, language):
    """How a language spells the last part of a name."""
    if language == "ruby" and name.startswith("is_"):
        return name[3:] + "?"
    return name + "_" if language == "lua" and name in LUA_KEYWORDS else name


def cpp_spellings(path=NAMES):
    """What C++ calls a name, from the reviewed list; nothing where that is not at hand (a source package)."""
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    columns = [line.partition("#")[0].split() for line in lines]
    return {line[0]: line[1].lstrip("&") for line in columns if len(line) > 1 and line[1] != "-"}


# ---- Python ------------------------------------------------------------------------------------------------------------


def python_stub(entries):
    lines = [f"# {ORIGIN}", "from collections.abc import Callable, Sequence", "from typing import Any, Final, TypeVar, final", "",
             "_C = TypeVar(\"_C\", bound=Connection)", ""]
    for entry in entries:
        lines += python_entry(entry, "")
    return lines


def python_entry(entry, indent):
    if entry.kind == "class":
        head = ["@final"] if entry.is_final else []
        head.append(f"class {entry.name}({entry.base}):" if entry.base else f"class {entry.name}:")
        body = [line for member in entry.members for line in python_entry(member, "    ")]
        return [*head, *python_doc(entry.doc, "    "), *body, ""]
    if entry.kind in ("attribute", "constant"):
        type_text = ast.unparse(entry.type)
        return [f"{indent}{entry.name}: {type_text if entry.owner else f'Final[{type_text}]'}", *python_doc(entry.doc, indent)]
    head = [f"{indent}@property"] if entry.kind == "property" else []
    return [*head, f"{indent}def {entry.name}{python_signature(entry)}:", *python_doc(entry.doc, indent + "    ")]


def python_signature(entry):
    def text(parameter):
        return f"{parameter.name}: {ast.unparse(parameter.type)}" + (f" = {parameter.default}" if parameter.default else "")
    parameters = [*(["self"] if entry.owner else []), *map(text, entry.parameters)]
    signature = f"({', '.join(parameters)}) -> {ast.unparse(entry.type)}".replace("-> dict", "-> dict[str, Any]")
    # What is given a connection and returns it returns the class that it was given.
    either = "Connection | Callable[[], Connection]"
    if either in signature:
        signature = signature.replace(either, "_C | Callable[[], _C]").replace("-> Connection", "-> _C")
    return signature


def python_doc(doc, indent):
    if not doc:
        return [f"{indent}..."]
    quoted = doc.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    if quoted.endswith('"'):
        quoted += " "
    lines = quoted.split("\n")
    if len(lines) == 1:
        return [f'{indent}"""{quoted}"""']
    return [f'{indent}"""{lines[0]}', *(indent + line if line else "" for line in lines[1:]), f'{indent}"""']


ATTACH = '''

def attach(namespace, document=None):
    """Gives the classes, functions and members of `namespace` their docstrings, as far as they exist and have none.

    document(member, text), if given, is told those of methods and properties that are written in C, whose docstring Python cannot set.
    """
    for name, text in DOCS.items():
        owner, _, member = name.rpartition(".")
        place = vars(namespace[owner]) if owner in namespace else {} if owner else namespace
        found = place.get(member)
        if found is None and document is not None and hasattr(namespace.get(owner), member):
            document(getattr(namespace[owner], member), text)
        elif found is not None and not isinstance(found, str) and not getattr(found, "__doc__", None):
            try:
                found.__doc__ = text
            except (AttributeError, TypeError):
                if document is not None and hasattr(found, "__objclass__"):
                    document(found, text)
'''


def python_docs(entries):
    lines = [f"# {ORIGIN}", "", "DOCS = {"]
    for entry in walk(entries):
        if entry.kind not in ("constant", "attribute") and entry.doc:
            doc = entry.doc
            for attribute in entry.members:
                if attribute.kind == "attribute":
                    doc += f"\n\n{attribute.name}: {attribute.doc}"
            lines.append(f"    {entry.qualified!r}: {doc!r},")
    return [*lines, "}", *ATTACH.rstrip().split("\n")]


# ---- Ruby --------------------------------------------------------------------------------------------------------------

RUBY_TYPES = {"dict": "Hash[Symbol, untyped]", "str": "String", "bytes": "String", "int": "Integer", "float": "Float", "bool": "bool", "None": "nil", "object": "untyped",
              "Exception": "Exception"}


def ruby_type(node, is_parameter=False):
    """`node` in RBS. A connection class is as good as a function that makes connections; any number is good for seconds."""
    texts = [ruby_part(part, is_parameter) for part in parts(node)]
    if "nil" not in texts:
        return " | ".join(dict.fromkeys(texts))
    texts.remove("nil")
    inner = " | ".join(texts)
    return f"({inner})?" if " " in inner else inner + "?"


def ruby_part(node, is_parameter):
    if isinstance(node, ast.Subscript) and container(node):
        kind, inner = container(node)
        return {"list": "Array", "Sequence": "Array", "dict": "Hash"}[kind] + f"[{', '.join(map(ruby_type, inner))}]"
    if isinstance(node, ast.Subscript):
        made = ruby_type(callable_in(node)[1])
        function = "^" + ruby_block(node)
        return f"singleton(Connection) | {function}" if made == "Connection" else function
    text = ast.unparse(node)
    return "Numeric" if text == "float" and is_parameter else RUBY_TYPES.get(text, text)


def ruby_block(node):
    arguments, result = callable_in(node)
    return f"({', '.join(ruby_type(argument) for _, argument in arguments)}) -> {ruby_type(result)}"


def ruby_returns(entry):
    return "void" if ast.unparse(entry.type) == "None" else ruby_type(entry.type)


def ruby_signatures(entry):
    """The overloads: what is called back as an argument, and as a block."""
    positional, options = [], []
    for parameter in entry.parameters:
        text = ruby_type(parameter.type, is_parameter=True)
        if parameter.is_option:
            options.append(f"?{parameter.name}: {text}")
        else:
            text = f"({text})" if parameter.accepts_block and not text.endswith("?") else text
            positional.append((parameter, ("?" if parameter.default else "") + f"{text} {parameter.name}"))
    returns = ruby_returns(entry)
    yield f"({', '.join([text for _, text in positional] + options)}) -> {returns}"
    blocks = [parameter for parameter, _ in positional if parameter.accepts_block]
    if blocks:
        rest = [text for parameter, text in positional if parameter is not blocks[0]] + options
        yield f"({', '.join(rest)}) {{ {ruby_block(blocks[0].type)} }} -> {returns}"


def ruby_file(entries):
    lines = [f"# {ORIGIN}", "module Tidemill"]
    for entry in entries:
        lines += [*ruby_entry(entry, "  "), ""]
    return [*lines[:-1], "end"]


def ruby_entry(entry, indent):
    comment = comment_lines(entry.doc, indent + "# ")
    if entry.kind == "class":
        base = {"Exception": " < StandardError", "": ""}.get(entry.base, f" < {entry.base}")
        body = [line for member in entry.members for line in ["", *ruby_entry(member, indent + "  ")]][1:]
        return [*comment, f"{indent}class {entry.name}{base}", *body, f"{indent}end"]
    name = spelling(entry.name, "ruby")
    if entry.kind == "constant":
        return [*comment, f"{indent}{name}: {ruby_type(entry.type)}"]
    if entry.kind == "attribute":
        return [*comment, f"{indent}attr_reader {name}: {ruby_type(entry.type)}"]
    head = f"{indent}def self.{name}: " if entry.kind == "function" else f"{indent}def {name.replace('__init__', 'initialize')}: "
    overloads = list(ruby_signatures(entry))
    return [*comment, head + overloads[0], *(" " * (len(head) - 2) + "| " + overload for overload in overloads[1:])]


def comment_lines(doc, prefix):
    return [(prefix + line).rstrip() for line in doc.split("\n")] if doc else []


# ---- Lua ---------------------------------------------------------------------------------------------------------------

LUA_TYPES = {"dict": "table", "str": "string", "bytes": "string", "int": "integer", "float": "number", "bool": "boolean", "None": "nil", "object": "any",
             "Exception": "any"}
# What only Lua has, which knows neither classes nor exceptions; listed in tests/surface/names.txt too.
LUA_ONLY = {
    "Error": """---What tostring() gives: the whole error in one line.
---@field message string
tidemill.Error = {}

---Whether the value is an error of tidemill's, of whatever class.
---@param value any
---@return boolean
function tidemill.Error.is(value) end
""",
    "Connection": """tidemill.Connection = {}

---A new class that inherits from this one: `local Chat = tidemill.Connection:extend()`.
---@generic T
---@param self T
---@return T
function tidemill.Connection:extend() end

---A new instance of this class; calls its init, if it has one, with the arguments.
---@generic T
---@param self T
---@param ... any
---@return T
function tidemill.Connection:new(...) end
""",
}


def lua_type(node):
    texts = [text for part in parts(node) for text in lua_part(part)]
    texts = list(dict.fromkeys(texts))
    return "|".join(f"({text})" if text.startswith("fun(") and len(texts) > 1 else text for text in texts)


def lua_part(node):
    """One type; where a function that makes connections is taken, a connection class is too."""
    if isinstance(node, ast.Subscript) and container(node):
        kind, inner = container(node)
        return [f"{lua_type(inner[0])}[]" if kind in ("list", "Sequence") else f"table<{', '.join(map(lua_type, inner))}>"]
    if isinstance(node, ast.Subscript):
        arguments, result = callable_in(node)
        texts = [f"{name}: {lua_type(argument)}" for name, argument in arguments]
        made = lua_type(result)
        return [*(["tidemill.Connection"] if made == "tidemill.Connection" else []), f"fun({', '.join(texts)}): {made}"]
    text = ast.unparse(node)
    return [LUA_TYPES.get(text, f"tidemill.{text}")]


def lua_name(parameter):
    return "callback" if parameter.name in LUA_KEYWORDS else parameter.name


def lua_parameters(entry):
    names = [lua_name(parameter) for parameter in entry.parameters if not parameter.is_option]
    return [*names, "options"] if any(parameter.is_option for parameter in entry.parameters) else names


def lua_file(entries):
    lines = ["---@meta tidemill", f"-- {ORIGIN}", "", "---@class tidemill", "local tidemill = {}"]
    for entry in entries:
        lines += ["", *lua_entry(entry)]
    return [*lines, "", "return tidemill"]


def lua_entry(entry):
    comment = comment_lines(entry.doc, "---")
    if entry.kind == "constant":
        return [*comment, f"---@type {lua_type(entry.type)}", f'tidemill.{entry.name} = ""']
    if entry.kind == "class":
        base = "" if entry.base in ("", "Exception") else f" : tidemill.{entry.base}"
        lines = [*comment, f"---@class tidemill.{entry.name}{base}"]
        for member in entry.members:
            if member.kind == "attribute":
                lines += [*comment_lines(member.doc, "---"), f"---@field {member.name} {lua_type(member.type)}"]
        lines += LUA_ONLY.get(entry.name, f"tidemill.{entry.name} = {{}}\n").split("\n")[:-1]
        for member in entry.members:
            if member.kind != "attribute":
                lines += ["", *lua_entry(member)]
        return lines
    lines = comment
    for parameter in entry.parameters:
        if not parameter.is_option:
            mark, type_text = "?" if parameter.default else "", lua_type(parameter.type)
            if mark and type_text.endswith("|nil"):
                type_text = type_text[:-4]
            lines.append(f"---@param {lua_name(parameter)}{mark} {type_text}")
    options = [parameter for parameter in entry.parameters if parameter.is_option]
    if options:
        fields = ", ".join(f"{option.name}?: {lua_type(option.type)}" for option in options)
        lines.append(f"---@param options? {{ {fields} }}")
    names = ", ".join(lua_parameters(entry))
    if entry.kind == "constructor":
        return [*lines, f"---@return tidemill.{entry.owner}", f"function tidemill.{entry.owner}:new({names}) end"]
    returns = [f"---@return {lua_type(entry.type)}"] if ast.unparse(entry.type) != "None" else []
    return [*lines, *returns, f"function tidemill.{entry.owner + ':' if entry.owner else ''}{spelling(entry.name, 'lua')}({names}) end"]


# ---- The reference -----------------------------------------------------------------------------------------------------


def reference(entries):
    cpp = cpp_spellings()
    lines = [f"<!-- {ORIGIN} -->", "# The API", "",
             "Every name in its four spellings. Times are seconds; payload is octets (Python `bytes`, Ruby ASCII-8BIT, Lua strings);",
             "names and addresses are text. C++ is described in its headers, which `core/tidemill.h` lists."]
    functions = [entry for entry in entries if entry.kind != "class"]
    for entry in entries:
        if entry.kind == "class":
            title = entry.name + (f" ({entry.base})" if entry.base else "")
            lines += ["", f"## {title}", "", entry.doc]
            for member in entry.members:
                lines += reference_entry(member, cpp)
    lines += ["", "## Functions and constants", ""]
    lines += ["The functions are the same calls on the current thread's reactor, for small programs."]
    for entry in functions:
        lines += reference_entry(entry, cpp)
    return lines


def reference_entry(entry, cpp):
    name = "Making one" if entry.kind == "constructor" else entry.name
    rows = [(language, text) for language, text in
            (("Python", python_call(entry)), ("Ruby", ruby_call(entry)), ("Lua", lua_call(entry)), ("C++", cpp.get(entry.qualified)))
            if text]
    return ["", f"### {name}", "", "```text", *(f"{language:7} {text}" for language, text in rows), "```", "", entry.doc]


def receiver(entry):
    return "error" if entry.owner == "Error" else entry.owner.lower() if entry.owner else "tidemill"


def python_call(entry):
    if entry.kind in ("attribute", "property", "constant"):
        return f"{receiver(entry)}.{entry.name}: {ast.unparse(entry.type)}"
    arguments = ", ".join(parameter.name + (f"={parameter.default}" if parameter.default else "") for parameter in entry.parameters)
    if entry.kind == "constructor":
        return f"tidemill.{entry.owner}({arguments})"
    returned = ast.unparse(entry.type)
    return f"{receiver(entry)}.{entry.name}({arguments})" + (f" -> {returned}" if returned != "None" else "")


def ruby_call(entry):
    prefix = "Tidemill" if not entry.owner else receiver(entry)
    if entry.kind == "constant":
        return f"Tidemill::{entry.name}"
    parameters, block = list(entry.parameters), ""
    taken = next((parameter for parameter in parameters if parameter.accepts_block), None)
    if taken and "Connection" not in ast.unparse(callable_in(taken.type)[1]):
        names = ", ".join(name for name, _ in callable_in(taken.type)[0])
        block = f" {{ |{names}| ... }}" if names else " { ... }"
        parameters.remove(taken)
    texts = []
    for parameter in parameters:
        default = (parameter.default or "").replace("None", "nil").replace("()", "[]")
        texts.append(f"{parameter.name}: {default}" if parameter.is_option else parameter.name + (f" = {default}" if default else ""))
    arguments = f"({', '.join(texts)})" if texts else ""
    if entry.kind == "constructor":
        return f"Tidemill::{entry.owner}.new{arguments}"
    return f"{prefix}.{spelling(entry.name, 'ruby')}{arguments}{block}"


def lua_default(text):
    return {"None": "nil", "()": "{}"}.get(text, text.replace("'", '"'))


def lua_call(entry):
    if entry.kind in ("attribute", "constant"):
        return f"{receiver(entry)}.{entry.name}"
    names = [lua_name(parameter) for parameter in entry.parameters if not parameter.is_option]
    options = [f"{option.name} = {lua_default(option.default)}" for option in entry.parameters if option.is_option]
    arguments = ", ".join([*names, f"{{{', '.join(options)}}}"] if options else names)
    if entry.kind == "constructor":
        return f"tidemill.{entry.owner}:new({arguments})"
    return f"{receiver(entry)}{':' if entry.owner else '.'}{spelling(entry.name, 'lua')}({arguments})"


# ---- Writing -----------------------------------------------------------------------------------------------------------

FILES = {
    "python/tidemill/__init__.pyi": python_stub,
    "python/tidemill/_docs.py": python_docs,
    "ruby/sig/tidemill.rbs": ruby_file,
    "lua/tidemill.d.lua": lua_file,
    "docs/api.md": reference,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, metavar="DIR")
    parser.add_argument("--check-names", action="store_true")
    options = parser.parse_args()
    if options.out is None and not options.check_names:
        parser.error("--out DIR or --check-names is needed")
    entries = read()
    if options.check_names:
        print("\n".join(public_names(entries)))
    if options.out is not None:
        for name, make in FILES.items():
            path = options.out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            text = re.sub(r"\n{3,}", "\n\n", "\n".join(make(entries))) + "\n"
            path.write_text(text, "utf-8")


if __name__ == "__main__":
    main()
