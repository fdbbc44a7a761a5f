package import JSON

/// A value of a configuration and the place that it came from.
///
/// A tree of its own, because a configuration is put together from several texts (files that extend one another,
/// the command line), while a JSON node knows its offset but not its document.
package struct ConfigNode: Sendable {
    package enum Value: Sendable {
        case null
        case bool(Bool)
        case number(JSONNumber)
        case string(String)
        case array([ConfigNode])
        case object([ConfigMember])
    }

    package var value: Value
    package var origin: Origin

    package init(value: Value, origin: Origin) {
        self.value = value
        self.origin = origin
    }

    /// An empty object of a file that has no text.
    package static func nothing(_ name: String) -> ConfigNode {
        let source = SourceText(name: name, bytes: [])
        return ConfigNode(value: .object([]), origin: Origin(source: source, range: 0..<0))
    }

    /// Copies a parsed value whose offset 0 is at `base` of `source`.
    package init(_ node: JSONNode, source: SourceText, base: Int = 0) {
        func origin(_ range: Range<Int>) -> Origin {
            Origin(source: source, range: range.lowerBound + base..<range.upperBound + base)
        }
        self.origin = origin(node.range)
        self.value =
            switch node.value {
            case .null: .null
            case .bool(let bool): .bool(bool)
            case .number(let number): .number(number)
            case .string(let string): .string(string)
            case .array(let array): .array(array.map { ConfigNode($0, source: source, base: base) })
            case .object(let members):
                .object(
                    members.map {
                        ConfigMember(
                            key: $0.key, keyOrigin: origin($0.keyRange),
                            value: ConfigNode($0.value, source: source, base: base))
                    })
            }
    }

    package subscript(key: String) -> ConfigNode? { member(key)?.value }

    package func member(_ key: String) -> ConfigMember? { members?.first { $0.key == key } }

    package var members: [ConfigMember]? { if case .object(let members) = value { members } else { nil } }
    package var string: String? { if case .string(let string) = value { string } else { nil } }
    package var array: [ConfigNode]? { if case .array(let array) = value { array } else { nil } }
    var isNull: Bool { if case .null = value { true } else { false } }

    /// The value as a message shows it: short ones themselves, long ones by what they are.
    package var shown: String {
        switch value {
        case .null: "null"
        case .bool(let bool): bool ? "true" : "false"
        case .number(let number): number.text
        case .string(let string):
            string.count <= 40 ? "\"\(string)\"" : "a string of \(string.count) characters"
        case .array(let array): array.isEmpty ? "an empty list" : "a list"
        case .object: "an object"
        }
    }
}

/// One key of an object in a configuration.
package struct ConfigMember: Sendable {
    package let key: String
    let keyOrigin: Origin
    package var value: ConfigNode
}
