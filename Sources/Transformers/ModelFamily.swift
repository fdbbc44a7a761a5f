public import JSON

/// How one family of models writes its configuration and names its weights.
///
/// Adding a family is one conforming type and one line in ``ModelFamilies``.
public protocol ModelFamily: Sendable {
    /// Values of `model_type` in config.json that belong to the family; the first is written.
    static var modelTypes: [String] { get }

    /// Reads config.json's root object.
    /// - Throws: ``FamilyError`` for a missing or unsupported option.
    static func configuration(_ root: JSONNode) throws(FamilyError) -> TransformerConfiguration

    /// The content of config.json for a configuration.
    static func document(for configuration: TransformerConfiguration, type: SafetensorsWriter.FloatType)
        -> JSONValue

    /// Name of a weight in the family's checkpoints.
    static func name(of role: ParameterRole) -> String
}

/// An option of config.json that is missing or that this program does not implement.
public struct FamilyError: Error, Sendable, CustomStringConvertible {
    /// Byte offset in the file, where one is known.
    public let offset: Int?
    public let description: String

    public init(_ description: String, offset: Int? = nil) {
        self.description = description
        self.offset = offset
    }
}

/// The families that checkpoints may belong to.
public enum ModelFamilies {
    public static let all: [any ModelFamily.Type] = [LLaDAFamily.self, DreamFamily.self]

    /// The family with the given `model_type`.
    public static func named(_ type: String) -> (any ModelFamily.Type)? {
        all.first { $0.modelTypes.contains(type) }
    }
}

/// Typed access to the options of a config.json.
struct FamilyOptions {
    let root: JSONNode

    private func value(_ key: String) -> JSONNode? {
        guard let node = root[key], !node.isNull else { return nil }
        return node
    }

    func integer(_ key: String, default fallback: Int? = nil) throws(FamilyError) -> Int {
        guard let node = value(key) else {
            if let fallback { return fallback }
            throw FamilyError("the option \(key) is missing")
        }
        guard let number = node.int else {
            throw FamilyError("\(key) should be a whole number", offset: node.range.lowerBound)
        }
        return number
    }

    func number(_ key: String, default fallback: Double) throws(FamilyError) -> Double {
        guard let node = value(key) else { return fallback }
        guard let number = node.double else {
            throw FamilyError("\(key) should be a number", offset: node.range.lowerBound)
        }
        return number
    }

    func flag(_ key: String, default fallback: Bool) throws(FamilyError) -> Bool {
        guard let node = value(key) else { return fallback }
        guard let flag = node.bool else {
            throw FamilyError("\(key) should be true or false", offset: node.range.lowerBound)
        }
        return flag
    }

    func token(_ key: String) throws(FamilyError) -> Int32? {
        guard let node = value(key) else { return nil }
        guard let id = node.int, let token = Int32(exactly: id) else {
            throw FamilyError("\(key) should be a token id", offset: node.range.lowerBound)
        }
        return token
    }

    /// Refuses a value other than `supported`, where the option is given at all.
    func require(_ key: String, _ supported: String) throws(FamilyError) {
        guard let node = value(key), node.string != supported else { return }
        throw FamilyError(
            "\(key) is \(node.string.map { "\"\($0)\"" } ?? node.kindName); only \"\(supported)\" is implemented",
            offset: node.range.lowerBound)
    }

    /// Refuses a flag other than `supported`, where the option is given at all.
    func require(_ key: String, _ supported: Bool) throws(FamilyError) {
        guard let node = value(key), node.bool != supported else { return }
        throw FamilyError("\(key) other than \(supported) is not implemented", offset: node.range.lowerBound)
    }
}

extension Float {
    /// The shortest decimal that names this number, as a double: 1e-5, not 9.999999747378752e-06.
    var shortestDecimal: Double { Double("\(self)") ?? Double(self) }
}
