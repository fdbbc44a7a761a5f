internal import Files
internal import JSON
internal import SystemPackage

/// Reads the members of one object of a data file; every mistake is named with its place.
struct NodeReader {
    let document: JSONDocument
    let node: JSONNode

    /// The root object of a file, in which comments may stand.
    ///
    /// - Throws: `FileError`, `JSONSyntaxError`, `PublishedDataError`.
    init(file: FilePath) throws {
        document = try JSONDocument(parsing: FileSystem.read(file), name: file.string, allowComments: true)
        node = document.root
        _ = try members
    }

    init(_ document: JSONDocument, _ node: JSONNode) {
        self.document = document
        self.node = node
    }

    /// The members of the object, in file order.
    var members: [(key: String, value: NodeReader)] {
        get throws {
            guard let members = node.members else { throw error("There should be an object here.") }
            return members.map { ($0.key, NodeReader(document, $0.value)) }
        }
    }

    /// The elements of the list.
    var elements: [NodeReader] {
        get throws {
            guard let array = node.array else { throw error("There should be a list here.") }
            return array.map { NodeReader(document, $0) }
        }
    }

    var string: String {
        get throws {
            guard let string = node.string else { throw error("There should be a text here.") }
            return string
        }
    }

    var number: Double {
        get throws {
            guard let number = node.double else { throw error("There should be a number here.") }
            return number
        }
    }

    /// The values of an object, without their places.
    var values: JSONObject {
        get throws { JSONObject(try members.map { ($0.key, JSONValue($0.value.node)) }) }
    }

    /// The value of a key, if it is there.
    func optional(_ key: String) -> NodeReader? { node[key].map { NodeReader(document, $0) } }

    /// The value of a key that has to be there.
    func required(_ key: String) throws -> NodeReader {
        guard let found = optional(key) else { throw error("The key \"\(key)\" is missing.") }
        return found
    }

    /// A text that is one of the raw values of a type.
    func choice<Choice: RawRepresentable & CaseIterable>(_ key: String) throws -> Choice
    where Choice.RawValue == String {
        let reader = try required(key)
        guard let choice = Choice(rawValue: try reader.string) else {
            let legal = Choice.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            throw reader.error("\"\(try reader.string)\" isn't one of \(legal).")
        }
        return choice
    }

    /// Refuses keys that nothing reads: a slip would be passed over in silence.
    func allow(_ keys: Set<String>) throws {
        for member in try members where !keys.contains(member.key) {
            throw member.value.error("The key \"\(member.key)\" means nothing here.")
        }
    }

    func error(_ message: String) -> PublishedDataError { PublishedDataError(document, node, message) }
}
