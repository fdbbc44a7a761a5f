public import Base
internal import JSON

/// What makes a tokenizer's file unusable, and where.
public struct TokenizerError: Failure, Sendable, Hashable {
    public var failureKind: FailureKind { .inputOutput }

    /// The file, and the line and column if known, such as `tokenizer.json:7:3`.
    public let location: String
    /// The JSON path of the offending value, such as `$.pre_tokenizer.pretokenizers[1].type`.
    public let path: String
    /// What is wrong and what would be right, as a sentence.
    public let message: String

    /// An error at a place of a file.
    public init(location: String, path: String, message: String) {
        self.location = location
        self.path = path
        self.message = message
    }

    public var description: String { "\(location): at \(path): \(message)" }
}

/// A value of a tokenizer's file together with where it stands, for errors that say so.
struct TokenizerField {
    let document: JSONDocument
    let node: JSONNode
    let path: String

    init(root document: JSONDocument) {
        self.init(document: document, node: document.root, path: "$")
    }

    private init(document: JSONDocument, node: JSONNode, path: String) {
        self.document = document
        self.node = node
        self.path = path
    }

    /// Where it stands, for errors.
    var place: (location: String, path: String) {
        let (line, column) = document.position(of: node.range.lowerBound)
        return ("\(document.name):\(line):\(column)", path)
    }

    /// An error at this value.
    func error(_ message: String) -> TokenizerError {
        TokenizerError(location: place.location, path: place.path, message: message)
    }

    /// The member `key`, or nil if it is missing or null.
    subscript(key: String) -> TokenizerField? {
        guard let found = node[key], !found.isNull else { return nil }
        return TokenizerField(document: document, node: found, path: "\(path).\(key)")
    }

    /// The member `key`, which must be there.
    func required(_ key: String) throws(TokenizerError) -> TokenizerField {
        guard let found = self[key] else { throw error("`\(key)` is missing or null here.") }
        return found
    }

    /// The elements of an array.
    func elements() throws(TokenizerError) -> [TokenizerField] {
        guard let array = node.array else { throw error("An array is expected here, not \(node.kindName).") }
        return array.enumerated().map {
            TokenizerField(document: document, node: $0.element, path: "\(path)[\($0.offset)]")
        }
    }

    /// The members of an object.
    func members() throws(TokenizerError) -> [(key: String, value: TokenizerField)] {
        guard let members = node.members else {
            throw error("An object is expected here, not \(node.kindName).")
        }
        return members.map {
            ($0.key, TokenizerField(document: document, node: $0.value, path: "\(path).\($0.key)"))
        }
    }

    func string() throws(TokenizerError) -> String {
        guard let string = node.string else {
            throw error("A string is expected here, not \(node.kindName).")
        }
        return string
    }

    func bool() throws(TokenizerError) -> Bool {
        guard let bool = node.bool else {
            throw error("true or false is expected here, not \(node.kindName).")
        }
        return bool
    }

    /// A token id: whole, not negative, and small enough for the 32 bits, one of them the sign, that sequences of
    /// tokens have.
    func tokenId() throws(TokenizerError) -> Int {
        guard let id = node.int, id >= 0, id <= Int(Int32.max) else {
            throw error("A token id is expected here: a whole number from 0 to \(Int32.max).")
        }
        return id
    }
}
