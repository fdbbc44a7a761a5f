/// The two sides of a comparison in Python, and the form in which answers go from one to the other.
///
/// Each answer is a line: "=" and JSON. JSON's own values stand for None, bool, int, float and str, with the constants that
/// Python adds; lists are pairs of a letter and what belongs to it. Nothing is pickled: what is read gives plain values only.
///
/// A long list goes in pieces, lines with "+" and the JSON of some thousand items, and a line with "#" and its letter behind
/// them; a long piece is compressed, "*" and base64. So MBPP+'s lists of 1.7 million combinations of 77 colours, which are a
/// gigabyte of JSON, are megabytes on their way, and neither side holds more than the list itself.
enum AnswerScripts {
    /// Runs the program with globals of its own, then calls its function on each input.
    static let program = """
        def main():
            import collections, decimal, fractions, json, os, sys
            if hasattr(sys, "set_int_max_str_digits"):
                sys.set_int_max_str_digits(100000)
            # Kept from before, because the program may replace anything; what it gains by that are other answers.
            write, leave, dumps, base, text_of = os.write, os._exit, json.dumps, BaseException, str
            depth, set_depth = sys.getrecursionlimit, sys.setrecursionlimit
            is_a, all_of, number_of, kind_of, set_of, each = isinstance, list, int, type, set, map
            plain_kinds, modules = {str, bool, float, type(None)}, sys.modules
            try:
                from binascii import b2a_base64
                from zlib import compress
            except ImportError:
                compress = None
            views = (type({}.keys()), type({}.items()))
            sequences = (
                ("t", tuple), ("s", set), ("z", frozenset), ("e", collections.deque), ("s", views))
            tables = (("O", collections.OrderedDict), ("C", collections.Counter), ("d", dict))

            def encoded(value):
                if value is None or value is True or value is False:
                    return value
                if is_a(value, int):
                    plain = number_of.__add__(value, 0)
                    return plain if -2**63 < plain < 2**63 else ["i", number_of.__format__(plain, "x")]
                if is_a(value, float):
                    return float.__add__(value, 0.0) if value else value
                if is_a(value, str):
                    return str.__str__(value)
                # Those of many plain items need no walk.
                if kind_of(value) is tuple and set_of(each(kind_of, value)) <= plain_kinds:
                    return ["t", all_of(value)]
                if is_a(value, all_of):
                    return ["l", [encoded(item) for item in all_of.__iter__(value)]]
                for letter, kind in sequences:
                    if is_a(value, kind):
                        return [letter, [encoded(item) for item in value]]
                for letter, kind in tables:
                    if is_a(value, kind):
                        return [letter, [[encoded(key), encoded(item)] for key, item in dict.items(value)]]
                if is_a(value, complex):
                    return ["c", value.real, value.imag]
                if is_a(value, (bytes, bytearray)):
                    return ["b" if is_a(value, bytes) else "a", bytes(value).decode("latin-1")]
                if is_a(value, range):
                    return ["r", [encoded(number) for number in (value.start, value.stop, value.step)]]
                if is_a(value, fractions.Fraction):
                    return ["q", [encoded(value.numerator), encoded(value.denominator)]]
                if is_a(value, decimal.Decimal):
                    return ["m", text_of(value)]
                # A number of numpy is the number that it equals.
                generic = getattr(modules.get("numpy"), "generic", None)
                if generic and is_a(value, generic) and not is_a(value.item(), generic):
                    return encoded(value.item())
                return ["o"]

            def answer(value, iterators):
                if iterators and encoded(value) == ["o"] and hasattr(value, "__iter__"):
                    return ["g", [encoded(item) for item in value]]
                return encoded(value)

            def send(line):
                line = line.encode("ascii", "replace")
                while line:
                    line = line[write(3, line):]

            def send_answer(value):
                if kind_of(value) not in (all_of, tuple) or len(value) <= 4096:
                    return send("=" + dumps(answer(value, iterators)) + "\\n")
                for start in range(0, len(value), 4096):
                    line = dumps([encoded(item) for item in value[start:start + 4096]])
                    if compress and len(line) > 65536:
                        packed = b2a_base64(compress(line.encode("ascii"), 1), newline=False)
                        send("*" + packed.decode("ascii") + "\\n")
                    else:
                        send("+" + line + "\\n")
                send("#" + ("l" if kind_of(value) is all_of else "t") + "\\n")

            parts = []
            while part := os.read(0, 1 << 20):
                parts.append(part)
            request = json.loads(b"".join(parts))
            entry, iterators = request["entry"], request["iterators"]
            space = {}
            exec(compile(request["inputs"], "<inputs>", "exec"), space)
            inputs, source = space["inputs"], request["source"]
            request = parts = part = space = None
            last = None
            try:
                space = {}
                exec(compile(source, "<program>", "exec"), space)
                if entry not in space:
                    raise NameError(f"name {entry!r} is not defined")
                function = space[entry]
                for values in inputs:
                    found = function(*values)
                    limit = depth()
                    set_depth(max(limit, 10000))
                    send_answer(found)
                    set_depth(limit)
            except base as error:
                last = {"raised": "BaseException", "message": ""}
                try:
                    last["raised"] = text_of(type(error).__name__)[:100]
                    last["message"] = text_of(error)[:200]
                except base:
                    pass
            if last:
                send("!" + dumps(last) + "\\n")
            leave(0)
        main()
        """

    /// Reads the answers and has the grader's code judge them.
    static let grader = """
        def main():
            import base64, collections, decimal, fractions, json, os, sys, zlib
            if hasattr(sys, "set_int_max_str_digits"):
                sys.set_int_max_str_digits(100000)

            # Equal to nothing, as an object of the program is.
            class Opaque:
                pass

            class Walked(Opaque):
                def __init__(self, items):
                    self.items = items

                def __iter__(self):
                    return iter(self.items)

            def decoded(value):
                if not isinstance(value, list):
                    return value
                letter, rest = value[0], value[1:]
                if letter == "i":
                    return int(rest[0], 16)
                # Texts that are there many times are one object each, as in the program.
                if letter == "t" and set(map(type, rest[0])) == {str}:
                    return tuple(map(texts.setdefault, rest[0], rest[0]))
                if letter in sequences:
                    return sequences[letter](decoded(item) for item in rest[0])
                if letter in tables:
                    return tables[letter]((decoded(key), decoded(item)) for key, item in rest[0])
                if letter == "c":
                    return complex(*rest)
                if letter in "ba":
                    data = rest[0].encode("latin-1")
                    return data if letter == "b" else bytearray(data)
                if letter == "r":
                    return range(*map(decoded, rest[0]))
                if letter == "q":
                    return fractions.Fraction(*map(decoded, rest[0]))
                if letter == "m":
                    return decimal.Decimal(rest[0])
                if letter == "g":
                    return Walked([decoded(item) for item in rest[0]])
                return Opaque()

            def counter(pairs):
                return collections.Counter(dict(pairs))

            texts = {}
            sequences = {"l": list, "t": tuple, "s": set, "z": frozenset, "e": collections.deque}
            tables = {"d": dict, "O": collections.OrderedDict, "C": counter}

            def answers(stream):
                pieces = []
                for line in stream:
                    form, line = line[:1], line[1:]
                    if not line.endswith(b"\\n"):
                        return
                    if form == b"#":
                        whole, pieces = pieces, []
                        yield tuple(whole) if line == b"t\\n" else whole
                        continue
                    if form == b"*":
                        line = zlib.decompress(base64.b64decode(line))
                    elif form not in (b"=", b"+"):
                        return
                    limit = sys.getrecursionlimit()
                    sys.setrecursionlimit(max(limit, 10000))
                    value = json.loads(line)
                    value = decoded(value) if form == b"=" else [decoded(item) for item in value]
                    sys.setrecursionlimit(limit)
                    if form == b"=":
                        yield value
                    else:
                        pieces += value

            stream = sys.stdin.buffer
            request = json.loads(stream.readline())
            try:
                space = {}
                exec(compile(request["grader"], "<grader>", "exec"), space)
                verdict = {"complete": space["judge"](answers(stream)) is True}
            except BaseException as error:
                verdict = {"raised": type(error).__name__[:100], "message": str(error)[:200]}
            os.write(3, json.dumps(verdict).encode("ascii", "replace"))
        main()
        """
}
