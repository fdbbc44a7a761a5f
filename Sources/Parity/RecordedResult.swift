internal import Documents
internal import Evaluation
internal import JSON

/// The recorded result of one grader: a value, or the exception that it raised.
struct RecordedResult {
    private let node: CaseNode
    private let label: String

    /// The result under `key` of a case: `{"value": …}`, `{"error": "<type>"}` or the value itself.
    init(_ key: String, of node: CaseNode) throws(ParityError) {
        self.node = try node.member(key)
        label = key
    }

    /// A case that is itself a result.
    init(_ node: CaseNode, label: String) {
        self.node = node
        self.label = label
    }

    /// nil when `found` gives what was recorded, to the byte; else both.
    func divergence(_ found: () throws -> JSONValue) rethrows -> String? {
        let result: JSONValue
        do {
            result = ["value": try found()]
        } catch let error as UpstreamException {
            result = ["error": .string(error.name)]
        }
        let recorded: JSONValue
        if let error = node.node["error"] {
            recorded = ["error": JSONValue(error)]
        } else {
            recorded = ["value": JSONValue(node.node["value"] ?? node.node)]
        }
        let (a, b) = (Self.text(result), Self.text(recorded))
        return a.utf8.elementsEqual(b.utf8) ? nil : "\(label): \(a), expected \(b)"
    }

    /// nil when `found` is what was recorded.
    func divergence(_ found: Result<String, UpstreamException>) -> String? {
        try? divergence { .string(try found.get()) }
    }

    private static func text(_ value: JSONValue) -> String {
        (try? value.canonicalBytes()).map { String(decoding: $0, as: UTF8.self) } ?? "\(value)"
    }
}
