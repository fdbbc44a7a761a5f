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
