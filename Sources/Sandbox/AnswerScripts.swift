/// The two sides of a comparison in Python, and the form in which answers go from one to the other.
///
/// Each answer is a line: "=" and JSON. JSON's own values stand for None, bool, int, float and str, with the constants that
/// Python adds; lists are pairs of a letter and what belongs to it. Nothing is pickled: what is read gives plain values only.
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
            is_a, all_of, number_of = isinstance, list, int
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
                return ["o"]

            def answer(value, iterators):
                if iterators and encoded(value) == ["o"] and hasattr(value, "__iter__"):
                    return ["g", [encoded(item) for item in value]]
                return encoded(value)

            def send(line):
                line = line.encode("ascii", "replace")
                while line:
                    line = line[write(3, line):]

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
                    line = dumps(answer(found, iterators))
                    set_depth(limit)
                    send("=" + line + "\\n")
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
            import collections, decimal, fractions, json, os, sys
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

            sequences = {"l": list, "t": tuple, "s": set, "z": frozenset, "e": collections.deque}
            tables = {"d": dict, "O": collections.OrderedDict, "C": counter}

            def answers(stream):
                for line in stream:
                    if not line.startswith(b"=") or not line.endswith(b"\\n"):
                        return
                    limit = sys.getrecursionlimit()
                    sys.setrecursionlimit(max(limit, 10000))
                    value = decoded(json.loads(line[1:]))
                    sys.setrecursionlimit(limit)
                    yield value

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
