package import Documents
internal import JSON

/// A part of a file of cases; its accessors say what is missing and where.
typealias CaseNode = DocumentValue<ParityError>

extension DocumentValue<ParityError> {
    /// Rows of token ids.
    func rows(_ key: String) throws(ParityError) -> [[Int32]] {
        try elements(key).map { (element) throws(ParityError) in try element.tokens() }
    }

    func tokens(_ key: String) throws(ParityError) -> [Int32] { try member(key).tokens() }

    func integers(_ key: String) throws(ParityError) -> [Int] { try member(key).integers() }

    func numbers(_ key: String) throws(ParityError) -> [Double] { try member(key).numbers() }

    func token(_ key: String) throws(ParityError) -> Int32 { try member(key).token() }

    /// A token id, or nil for null; the member must be there.
    func optionalToken(_ key: String) throws(ParityError) -> Int32? {
        try member(key).node.isNull ? nil : token(key)
    }

    /// The elements of a list of cases, named by their ids.
    func identified(_ key: String) throws(ParityError) -> [(id: String, node: CaseNode)] {
        let list = try member(key)
        let elements = try list.elements()
        guard !elements.isEmpty else { throw list.error("\(list.label) is empty.") }
        return try elements.map { (element) throws(ParityError) in
            let id = try element.string("id")
            return (id, CaseNode(element.node, subject: "case \(id)"))
        }
    }

    /// An error about this part.
    ///
    /// - Parameter text: A sentence without its end.
    func problem(_ text: String) -> ParityError { error("\(text).") }
}

extension ParityError: DocumentProblem {
    package init(_ flaw: DocumentFlaw) { self.init("\(flaw.origin.place): \(flaw.message)") }
}
