extension PythonParser {
    /// What the interpreter runs: reads a list of requests, writes one line for each.
    ///
    /// Only `ast.parse` and `ast.unparse` see the programs; nothing compiles or executes them.
    static let script = #"""
        import ast
        import json
        import resource
        import sys

        resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


        def attempt(function, *arguments):
            try:
                return {"value": function(*arguments)}
            except Exception as error:
                return {"error": type(error).__name__, "reason": str(error)}


        def parses(lines):
            code = "\n".join(lines)
            try:
                ast.parse(code)
                return True
            except (SyntaxError, MemoryError):
                return False
            except ValueError:
                # Before 3.11.4 zero bytes weren't an error of syntax.
                if "\0" in code:
                    return False
                raise


        def longest_valid(text):
            lines = text.splitlines()[:100]
            weights = [1 if line.strip() else 0 for line in lines]
            best, found = 0, ""
            for start in range(len(lines)):
                if sum(weights[start:]) <= best:
                    break
                # The reference tries the ends upwards and keeps the first of the greatest weight. Downwards the
                # first that parses has that weight, and behind it only ends that drop blank lines can be earlier.
                wanted, winner = best + 1, None
                for end in range(len(lines), start, -1):
                    weight = sum(weights[start:end])
                    if weight < wanted:
                        break
                    if parses(lines[start:end]):
                        wanted, winner = weight, end
                if winner:
                    best, found = wanted, "\n".join(lines[start:winner])
            return found


        def refined(text):
            text = text.replace("\t", "    ")
            return text.replace("\r\n", "\n").replace("\r", "\n").strip() + "\n"


        def needs(node, attributes):
            names, stack = set(), [node]
            while stack:
                for child in ast.iter_child_nodes(stack.pop()):
                    if isinstance(child, ast.Name):
                        names.add(child.id)
                    elif isinstance(child, ast.Attribute):
                        # What stands before the dot isn't looked at.
                        if attributes:
                            names.add(child.attr)
                    else:
                        stack.append(child)
            return names


        def defined_name(node):
            if isinstance(node, ast.ClassDef):
                return node.name
            if isinstance(node, ast.FunctionDef):
                if any(isinstance(inner, ast.Return) for inner in ast.walk(node)):
                    return node.name
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                return node.targets[0].id
            return None


        def program(code, entry_point, attributes):
            imports, definitions = [], {}
            for node in ast.parse(code).body:
                if isinstance(node, (ast.Import, ast.ImportFrom)):
                    imports.append(node)
                elif defined_name(node):
                    # A later definition takes the place of an earlier one.
                    definitions[defined_name(node)] = node
            kept = set(definitions)
            if entry_point:
                kept, waiting = set(), [entry_point]
                while waiting:
                    name = waiting.pop()
                    if name not in kept:
                        kept.add(name)
                        if name in definitions:
                            waiting.extend(needs(definitions[name], attributes))
            nodes = imports + [node for name, node in definitions.items() if name in kept]
            return "\n".join(ast.unparse(node) for node in nodes)


        for request in json.loads(sys.stdin.buffer.read()):
            longest = attempt(longest_valid, refined(request["text"]))
            made = longest
            if "value" in longest:
                made = attempt(program, longest["value"], request["entry_point"], request["attributes"])
            print(json.dumps({"longest": longest, "program": made}), flush=True)
        """#
}
