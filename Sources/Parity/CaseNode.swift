internal import JSON

/// A part of a file of cases; its accessors say what is missing and where.
struct CaseNode {
    let document: JSONDocument
    let node: JSONNode
    /// What messages call this part, for example `case llada-dev-001`.
    let label: String

    func member(_ key: String) throws(ParityError) -> CaseNode {
        guard let member = node[key] else { throw problem("\(label) has no \"\(key)\"") }
        return CaseNode(document: document, node: member, label: "\"\(key)\" of \(label)")
    }

    func int(_ key: String) throws(ParityError) -> Int {
        try member(key).get("a whole number") { $0.int }
    }

    func number(_ key: String) throws(ParityError) -> Double {
        try member(key).get("a number") { $0.double }
    }

    func flag(_ key: String) throws(ParityError) -> Bool { try member(key).get("true or false") { $0.bool } }

    func integers(_ key: String) throws(ParityError) -> [Int] {
        try elements(key).map { (element) throws(ParityError) in try element.get("a whole number") { $0.int }
        }
    }

    func numbers(_ key: String) throws(ParityError) -> [Double] {
        try elements(key).map { (element) throws(ParityError) in try element.get("a number") { $0.double } }
    }

    /// Rows of token ids.
    func rows(_ key: String) throws(ParityError) -> [[Int32]] {
        try elements(key).map { (element) throws(ParityError) in try element.asTokens() }
    }

    /// The member, or nil where it is absent or null.
    func optional(_ key: String) throws(ParityError) -> CaseNode? {
        guard let found = node[key], !found.isNull else { return nil }
        return try member(key)
    }

    func token(_ key: String) throws(ParityError) -> Int32 {
        try member(key).get("a token id") { $0.int.flatMap { Int32(exactly: $0) } }
    }

    /// A token id, or nil for null; the member must be there.
    func optionalToken(_ key: String) throws(ParityError) -> Int32? {
        try member(key).node.isNull ? nil : token(key)
    }

    func string(_ key: String) throws(ParityError) -> String { try member(key).get("a string") { $0.string } }

    func tokens(_ key: String) throws(ParityError) -> [Int32] { try member(key).asTokens() }

    func asTokens() throws(ParityError) -> [Int32] {
        try elements().map { (element) throws(ParityError) in
            try element.get("a token id") { $0.int.flatMap { Int32(exactly: $0) } }
        }
    }

    func elements(_ key: String) throws(ParityError) -> [CaseNode] { try member(key).elements() }

    func elements() throws(ParityError) -> [CaseNode] {
        let elements = try get("a list") { $0.array }
        return elements.enumerated().map { index, element in
            CaseNode(document: document, node: element, label: "element \(index) of \(label)")
        }
    }

    /// The elements of a list of cases, labelled by their ids.
    func identified(_ key: String) throws(ParityError) -> [(id: String, node: CaseNode)] {
        let elements = try elements(key)
        guard !elements.isEmpty else { throw problem("\"\(key)\" of \(label) is empty") }
        return try elements.map { (element) throws(ParityError) in
            let id = try element.string("id")
            return (id, CaseNode(document: document, node: element.node, label: "case \(id)"))
        }
    }

    func get<T>(_ expected: String, _ read: (JSONNode) -> T?) throws(ParityError) -> T {
        guard let value = read(node) else {
            throw problem("\(label) is \(node.kindName) and should be \(expected)")
        }
        return value
    }

    func problem(_ text: String) -> ParityError {
        let (line, column) = document.position(of: node.range.lowerBound)
        return ParityError("\(document.name):\(line):\(column): \(text).")
    }
}
