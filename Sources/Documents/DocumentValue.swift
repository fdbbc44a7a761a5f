internal import Base
package import JSON

/// An error of a module that says what is wrong with a value of a document.
package protocol DocumentProblem: Error {
    init(_ flaw: DocumentFlaw)
}

/// What is wrong with a value of a document, and where it stands.
package struct DocumentFlaw: Sendable {
    /// Where to point.
    package let origin: Origin
    /// The keys that lead to the value from the root: `model.vocab`, `tokens[3].id`; nothing for the root itself.
    package let path: String
    /// What messages call the value: `"model.vocab" of tokenizer.json`.
    package let label: String
    private let kind: Kind

    enum Kind: Sendable {
        /// The value isn't what is expected.
        case mismatch(expected: String, shown: String)
        /// An object lacks a key.
        case missing(String, expected: String?)
        /// An object has a key that nothing reads.
        case stranger(String, hint: String?)
        /// A sentence about the value.
        case sentence(String)
    }

    init(_ kind: Kind, origin: Origin, path: String, label: String) {
        self.kind = kind
        self.origin = origin
        self.path = path
        self.label = label
    }

    /// What is wrong and what would be right, as a sentence about ``label``.
    package var message: String { message(about: label) }

    /// The same sentence with another name of the value, such as "This" where its path stands beside the message.
    package func message(about subject: String) -> String {
        switch kind {
        case .mismatch(let expected, let shown): "\(subject) should be \(expected); this is \(shown)."
        case .missing(let key, let expected):
            "\(subject) lacks the key \"\(key)\"" + (expected.map { ", \($0)." } ?? ".")
        case .stranger(let key, let hint):
            "\(subject) has no key \"\(key)\"." + (hint.map { " " + $0 } ?? "")
        case .sentence(let text): text
        }
    }
}

/// A value of a document that is read member by member: what isn't as expected is thrown with its place.
///
/// ``Fields`` is for objects whose keys are described, recorded and reported all at once; this is for files of others,
/// where the first thing that is wrong ends the reading, and for large ones: a path is put together where a message
/// needs it, so that a table of 150,000 entries costs no text for each.
package struct DocumentValue<Problem: DocumentProblem>: Sendable {
    package let node: JSONNode
    /// What messages call the root: `tokenizer.json`, `case llada-dev-001`.
    package let subject: String
    private let parent: String
    private let step: Step

    private enum Step: Sendable {
        case none
        case key(String)
        case index(Int)
    }

    /// The root of what is read.
    package init(_ node: JSONNode, subject: String) { self.init(node, subject, "", .none) }

    private init(_ node: JSONNode, _ subject: String, _ parent: String, _ step: Step) {
        self.node = node
        self.subject = subject
        self.parent = parent
        self.step = step
    }

    /// The keys that lead here from the root: `model.vocab`, `tokens[3].id`; nothing for the root itself.
    package var path: String {
        switch step {
        case .none: parent
        case .key(let key): parent.isEmpty ? key : "\(parent).\(key)"
        case .index(let index): "\(parent)[\(index)]"
        }
    }

    /// What messages call the value.
    package var label: String {
        let path = path
        return path.isEmpty ? subject : "\"\(path)\" of \(subject)"
    }

    /// An error about this value, as a sentence.
    package func error(_ sentence: String) -> Problem { flaw(.sentence(sentence)) }

    /// An error because this value isn't `expected`, a noun phrase such as "a whole number".
    package func mismatch(_ expected: String) -> Problem {
        flaw(.mismatch(expected: expected, shown: node.shown))
    }

    private func flaw(_ kind: DocumentFlaw.Kind, at origin: Origin? = nil) -> Problem {
        Problem(DocumentFlaw(kind, origin: origin ?? node.origin, path: path, label: label))
    }
}

/// Members and elements.
extension DocumentValue {
    /// The member `key`; nil where it is absent or null.
    package subscript(key: String) -> DocumentValue? {
        guard let found = node[key], !found.isNull else { return nil }
        return DocumentValue(found, subject, path, .key(key))
    }

    /// The member `key`, which must be there and may be null.
    ///
    /// - Parameter expected: What it should be, for the message where it is absent.
    package func member(_ key: String, expected: String? = nil) throws(Problem) -> DocumentValue {
        guard let found = node[key] else {
            throw node.members == nil ? mismatch("an object") : flaw(.missing(key, expected: expected))
        }
        return DocumentValue(found, subject, path, .key(key))
    }

    /// The member `key`, which must be there and not null.
    package func required(_ key: String) throws(Problem) -> DocumentValue {
        let found = try member(key)
        guard !found.node.isNull else { throw found.error("\(found.label) is null and should have a value.") }
        return found
    }

    /// The members of an object, in the order of the file.
    package func members() throws(Problem) -> [(key: String, value: DocumentValue)] {
        guard let members = node.members else { throw mismatch("an object") }
        let path = path
        return members.map { ($0.key, DocumentValue($0.value, subject, path, .key($0.key))) }
    }

    /// The elements of a list.
    package func elements() throws(Problem) -> [DocumentValue] {
        guard let elements = node.array else { throw mismatch("a list") }
        let path = path
        return elements.enumerated().map { DocumentValue($0.element, subject, path, .index($0.offset)) }
    }

    /// The elements of the list `key`.
    package func elements(_ key: String) throws(Problem) -> [DocumentValue] { try member(key).elements() }

    /// Refuses keys that nothing reads: a slip would be passed over in silence.
    package func allow(_ keys: [String]) throws(Problem) {
        guard let members = node.members else { throw mismatch("an object") }
        guard let stranger = members.first(where: { !keys.contains($0.key) }) else { return }
        let hint = NearestName.hint(for: stranger.key, among: keys, what: "Its keys")
        throw flaw(.stranger(String(stranger.key.prefix(100)), hint: hint), at: stranger.keyOrigin)
    }
}

/// Typed values.
extension DocumentValue {
    /// What `read` makes of the value.
    ///
    /// - Parameter expected: What the value should be, as a noun phrase.
    package func get<T>(_ expected: String, _ read: (JSONNode) -> T?) throws(Problem) -> T {
        guard let value = read(node) else { throw mismatch(expected) }
        return value
    }

    package func string() throws(Problem) -> String {
        guard let string = node.string else { throw mismatch(FieldType.string.expectation) }
        return string
    }

    package func bool() throws(Problem) -> Bool {
        guard let bool = node.bool else { throw mismatch(FieldType.flag.expectation) }
        return bool
    }

    /// A whole number.
    package func integer(in bounds: some FieldBounds<Int> = .any) throws(Problem) -> Int {
        guard let integer = node.int, bounds.bounds.contains(integer) else {
            throw mismatch(FieldType.integer(bounds.bounds).expectation)
        }
        return integer
    }

    /// A finite number.
    package func number(in bounds: some FieldBounds<Double> = .any) throws(Problem) -> Double {
        guard let number = node.double, bounds.bounds.contains(number) else {
            throw mismatch(FieldType.number(bounds.bounds).expectation)
        }
        return number
    }

    /// The id of a token, as sequences of tokens have them: 32 bits, one of them the sign.
    package func token() throws(Problem) -> Int32 {
        guard let token = node.int.flatMap({ Int32(exactly: $0) }) else { throw mismatch("a token id") }
        return token
    }

    /// One of the raw values of an enumeration.
    package func choice<Choice: RawRepresentable<String> & CaseIterable>() throws(Problem) -> Choice {
        if let choice = node.string.flatMap(Choice.init(rawValue:)) { return choice }
        throw mismatch(FieldType.choice(Choice.allCases.map(\.rawValue)).expectation)
    }

    /// Whole numbers; for long lists.
    package func integers() throws(Problem) -> [Int] { try list { (e) throws(Problem) in try e.integer() } }

    /// Finite numbers; for long lists.
    package func numbers() throws(Problem) -> [Double] { try list { (e) throws(Problem) in try e.number() } }

    /// Ids of tokens.
    package func tokens() throws(Problem) -> [Int32] { try list { (e) throws(Problem) in try e.token() } }

    /// The text under `key`.
    package func string(_ key: String) throws(Problem) -> String {
        try member(key, expected: FieldType.string.expectation).string()
    }

    /// The whole number under `key`, which must be there unless it has a default.
    package func integer(
        _ key: String, default value: Int? = nil, in bounds: some FieldBounds<Int> = .any
    ) throws(Problem) -> Int {
        if let value, self[key] == nil { return value }
        return try member(key, expected: FieldType.integer(bounds.bounds).expectation).integer(in: bounds)
    }

    /// The finite number under `key`, which must be there unless it has a default.
    package func number(
        _ key: String, default value: Double? = nil, in bounds: some FieldBounds<Double> = .any
    ) throws(Problem) -> Double {
        if let value, self[key] == nil { return value }
        return try member(key, expected: FieldType.number(bounds.bounds).expectation).number(in: bounds)
    }

    /// The truth value under `key`, which must be there unless it has a default.
    package func flag(_ key: String, default value: Bool? = nil) throws(Problem) -> Bool {
        if let value, self[key] == nil { return value }
        return try member(key, expected: FieldType.flag.expectation).bool()
    }

    private func list<T>(_ read: (DocumentValue) throws(Problem) -> T) throws(Problem) -> [T] {
        var values: [T] = []
        for element in try elements() { values.append(try read(element)) }
        return values
    }
}
