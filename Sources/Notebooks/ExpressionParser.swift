internal import Base
internal import Recipes
internal import Reporting

/// Reads expressions: sums of products of numbers, places, functions and brackets.
struct ExpressionParser {
    enum Token: Hashable {
        /// A number, a file, a function or an operator: whatever has no space or bracket in it.
        case word(String)
        /// What stands in square brackets.
        case key(String)
        case open, close, comma

        var text: String {
            switch self {
            case .word(let word): word
            case .key(let key): "[\(key)]"
            case .open: "("
            case .close: ")"
            case .comma: ","
            }
        }
    }

    private var tokens: ArraySlice<Token>
    /// How many brackets are open.
    private var depth = 0
    /// The file that was named last.
    private var file: String?

    init(_ tokens: [Token]) { self.tokens = tokens[...] }

    /// - Throws: A problem where a square bracket or a quotation mark isn't closed.
    static func tokens(of text: String) throws(NotebookProblem) -> [Token] {
        var tokens: [Token] = []
        // Scalars: a bracket beside a combining mark is a bracket.
        var rest = text.unicodeScalars[...]
        while let scalar = rest.first {
            switch scalar {
            case "(", ")", ",":
                tokens.append(scalar == "(" ? .open : scalar == ")" ? .close : .comma)
                rest.removeFirst()
            case "[":
                // Quotation marks allow for brackets in the names of rows.
                let isQuoted = rest.dropFirst().first == "\""
                let behind = Substring(rest.dropFirst(isQuoted ? 2 : 1)).byteText
                let closing: ByteText = isQuoted ? "\"]" : "]"
                guard let (key, after) = behind.cut(at: closing) else {
                    throw .marker("\"\(Substring(rest.prefix(40)))\" isn't closed with \(closing).")
                }
                let words = key.text.unicodeScalars.split(whereSeparator: \.properties.isWhitespace)
                tokens.append(.key(words.map { String($0) }.joined(separator: " ")))
                rest = after.text.unicodeScalars[...]
            case "]": throw .marker("\"]\" closes nothing there.")
            case let space where space.properties.isWhitespace: rest.removeFirst()
            default:
                let word = rest.prefix {
                    !"()[],".unicodeScalars.contains($0) && !$0.properties.isWhitespace
                }
                tokens.append(.word(String(word)))
                rest = rest.dropFirst(word.count)
            }
        }
        return tokens
    }

    mutating func expression() throws(NotebookProblem) -> Expression {
        depth += 1
        defer { depth -= 1 }
        // Nobody can read more, and each level takes of the stack.
        guard depth <= 32 else { throw .marker("The brackets are nested more than 32 deep.") }
        var result = try product()
        while let sign = nextOperator(["+", "-"]) { result = .operation(sign, result, try product()) }
        return result
    }

    func end() throws(NotebookProblem) {
        guard let token = tokens.first else { return }
        throw .marker(
            "\"\(token.text)\" isn't expected there. Operators are +, -, * and /, with spaces around them.")
    }

    private mutating func product() throws(NotebookProblem) -> Expression {
        var result = try factor()
        while let sign = nextOperator(["*", "/"]) { result = .operation(sign, result, try factor()) }
        return result
    }

    private mutating func factor() throws(NotebookProblem) -> Expression {
        guard let token = tokens.popFirst() else {
            throw .marker("A value needs a place such as results/table.csv[row][column].")
        }
        switch token {
        case .open:
            let inner = try expression()
            try expect(.close)
            return inner
        case .key(let key):
            guard let file else { throw .marker("\(token.text) has no file in front of it.") }
            return .reference(reference(file, first: key))
        case .word(let word):
            if tokens.first == .open { return try call(word) }
            if case .key(let key)? = tokens.first {
                tokens.removeFirst()
                file = word
                return .reference(reference(word, first: key))
            }
            if let number = Double(word), number.isFinite { return .number(number) }
            throw .marker("\"\(word)\" is neither a number nor a file with a place in it, FILE[row][column].")
        default: throw .marker("\"\(token.text)\" isn't expected there.")
        }
    }

    private mutating func reference(_ file: String, first: String) -> Expression.Reference {
        var keys = [first]
        while case .key(let key)? = tokens.first {
            tokens.removeFirst()
            keys.append(key)
        }
        return Expression.Reference(file: file, keys: keys)
    }

    private mutating func call(_ name: String) throws(NotebookProblem) -> Expression {
        guard let function = Expression.Function(rawValue: name) else {
            let names = Expression.Function.allCases.map(\.rawValue)
            throw .marker(
                "There is no function \(name). \(NearestName.hint(for: name, among: names, what: "There are") ?? "")"
            )
        }
        try expect(.open)
        var arguments = [try expression()]
        while tokens.first == .comma {
            tokens.removeFirst()
            arguments.append(try expression())
        }
        try expect(.close)
        return .call(function, arguments)
    }

    private mutating func expect(_ token: Token) throws(NotebookProblem) {
        guard tokens.popFirst() == token else { throw .marker("\"\(token.text)\" is missing.") }
    }

    private mutating func nextOperator(_ signs: [Character]) -> Expression.Operator? {
        guard case .word(let word)? = tokens.first, word.count == 1, let character = word.first,
            signs.contains(character)  // not text: a list of signs
        else { return nil }
        tokens.removeFirst()
        return Expression.Operator(rawValue: character)
    }
}

/// What a value in a sentence is computed from: places in recorded files, and a little arithmetic on them.
///
/// ```
/// results/table.csv[d3LLM][AUP]
/// 100 * (table[with][TPF] / [without][TPF] - 1)
/// max(results/seeds.json[methods][d3LLM][aupOfEach][*])
/// ```
/// Operators have spaces around them, since `-` and `/` are parts of file names. A place without a file is in the file
/// that was named last.
indirect enum Expression {
    case number(Double)
    case reference(Reference)
    case operation(Operator, Expression, Expression)
    case call(Function, [Expression])

    /// A place in a file: keys of objects, rows and columns of tables; `*` stands for all there.
    struct Reference: Hashable {
        /// As it is written, perhaps a name that `source` gave.
        let file: String
        let keys: [String]
    }

    enum Operator: Character { case plus = "+", minus = "-", times = "*", over = "/" }

    enum Function: String, CaseIterable { case min, max, mean, abs, count }

    /// - Throws: A problem that says which word can't be understood.
    init(_ text: String) throws(NotebookProblem) {
        var parser = ExpressionParser(try ExpressionParser.tokens(of: text))
        self = try parser.expression()
        try parser.end()
    }

    /// The value, with the places looked up by `lookUp`.
    func value(_ lookUp: (Reference) throws(NotebookProblem) -> Datum) throws(NotebookProblem) -> Datum {
        switch self {
        case .number(let number): return .number(number)
        case .reference(let reference): return try lookUp(reference)
        case .operation(let sign, let left, let right):
            return try Self.combine(
                sign, try left.value(lookUp).numbers(), try right.value(lookUp).numbers())
        case .call(let function, let arguments):
            var all: [Double] = []
            var isList = false
            for argument in arguments {
                let (numbers, list) = try argument.value(lookUp).numbers()
                all += numbers
                isList = isList || list
            }
            return try Self.apply(function, to: all, isList: isList || arguments.count > 1)
        }
    }

    /// Element by element; a single number goes with each element of a list.
    private static func combine(
        _ sign: Operator, _ left: (numbers: [Double], isList: Bool),
        _ right: (numbers: [Double], isList: Bool)
    ) throws(NotebookProblem) -> Datum {
        let count = left.isList ? left.numbers.count : right.numbers.count
        guard !left.isList || !right.isList || left.numbers.count == right.numbers.count else {
            throw .marker(
                "\(left.numbers.count) numbers can't be combined with \(right.numbers.count).")
        }
        let results = (0..<count).map { index in
            let (a, b) = (left.numbers[left.isList ? index : 0], right.numbers[right.isList ? index : 0])
            return switch sign {
            case .plus: a + b
            case .minus: a - b
            case .times: a * b
            case .over: a / b
            }
        }
        return left.isList || right.isList ? .list(results) : .number(results[0])
    }

    private static func apply(_ function: Function, to numbers: [Double], isList: Bool)
        throws(NotebookProblem)
        -> Datum
    {
        if function == .count { return .number(Double(numbers.count)) }
        guard let first = numbers.first else { throw .marker("\(function.rawValue)() has no numbers.") }
        switch function {
        case .min: return .number(numbers.dropFirst().reduce(first) { Swift.min($0, $1) })
        case .max: return .number(numbers.dropFirst().reduce(first) { Swift.max($0, $1) })
        case .mean: return .number(numbers.reduce(0, +) / Double(numbers.count))
        case .abs, .count: return isList ? .list(numbers.map(\.magnitude)) : .number(first.magnitude)
        }
    }
}

/// What stands at a place of a file, or was computed from such.
enum Datum: Hashable {
    case number(Double)
    case list([Double])
    case text(String)

    /// - Throws: A problem where it is words.
    func numbers() throws(NotebookProblem) -> (numbers: [Double], isList: Bool) {
        switch self {
        case .number(let number): return ([number], false)
        case .list(let numbers): return (numbers, true)
        case .text(let text): throw .marker("\"\(text)\" is no number.")
        }
    }
}

/// How a number is written in a sentence: `0`, `0.0`, `+0.00`, `0,000`.
///
/// Negative numbers have a minus sign (U+2212), as in good print; a number that rounds to zero has no sign.
struct NumberFormat: Equatable {
    let digits: Int
    let showsPlus: Bool
    let isGrouped: Bool

    init(_ pattern: String) throws(NotebookProblem) {
        let unsigned = pattern.byteText.dropping(prefix: "+")
        showsPlus = unsigned != nil
        let start = (unsigned ?? pattern.byteText).bytes
        isGrouped = Substring(start[...]).byteText.hasPrefix("0,000")
        let rest = start.dropFirst(isGrouped ? 5 : 1)
        let isWhole = rest.isEmpty
        digits = isWhole ? 0 : rest.count - 1
        guard start.first == UInt8(ascii: "0"), isWhole || (rest.first == UInt8(ascii: ".") && digits > 0),
            rest.dropFirst().allSatisfy({ $0 == UInt8(ascii: "0") }), digits <= FixedPoint.maximumDigits
        else {
            throw .marker(
                "Numbers are written as 0, 0.0, 0,000 and so on, with + in front to show signs; \"\(pattern)\" isn't such a pattern."
            )
        }
    }

    func text(_ number: Double) -> String {
        let size = FixedPoint.text(number.magnitude, digits: digits, grouped: isGrouped)
        guard size.contains(where: { ("1"..."9").contains($0) }) else { return size }
        return (number < 0 ? "\u{2212}" : showsPlus ? "+" : "") + size
    }
}
