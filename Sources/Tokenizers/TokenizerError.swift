public import Base
package import Documents
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

extension TokenizerError: DocumentProblem {
    package init(_ flaw: DocumentFlaw) {
        let path =
            flaw.path.isEmpty || flaw.path.utf8.first == UInt8(ascii: "[") ? flaw.path : ".\(flaw.path)"
        self.init(
            location: flaw.origin.place, path: "$\(path)", message: flaw.message(about: "This"))
    }
}

/// A value of a tokenizer's file together with where it stands, for errors that say so.
typealias TokenizerField = DocumentValue<TokenizerError>

extension DocumentValue<TokenizerError> {
    init(root document: JSONDocument) { self.init(document.root, subject: document.name) }

    /// Where it stands, for errors.
    var place: (location: String, path: String) {
        let error = error("")
        return (error.location, error.path)
    }

    /// A token id: whole, not negative, and small enough for the 32 bits, one of them the sign, that sequences of
    /// tokens have.
    func tokenId() throws(TokenizerError) -> Int {
        guard let id = node.int, id >= 0, id <= Int(Int32.max) else {
            throw mismatch("a token id, a whole number from 0 to \(Int32.max)")
        }
        return id
    }
}
