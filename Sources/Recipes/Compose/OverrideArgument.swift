import JSON

/// One `path=value` of `--set`, before it is known what type the path takes.
package struct OverrideArgument {
    package let path: ConfigPath
    /// The characters behind the equals sign.
    package let value: [UInt8]
    let keyOrigin: Origin
    let valueOrigin: Origin
    /// Where the value begins in the argument.
    let valueOffset: Int

    var setsVariable: Bool { path.isVariable }

    /// Splits `stages.curve.decoder.delay=1`.
    package init(_ argument: String) throws(Diagnostic) {
        let bytes = Array(argument.utf8)
        let source = SourceText(name: "--set", bytes: bytes)
        guard let equals = Self.equals(in: bytes), equals > 0 else {
            throw Diagnostic(
                at: Origin(source: source, range: 0..<bytes.count),
                "An override needs a path, an equals sign and a value.",
                hint: "For example: --set stages.curve.decoder.delay=1")
        }
        keyOrigin = Origin(source: source, range: 0..<equals)
        let text = String(decoding: bytes[..<equals], as: UTF8.self)
        guard let path = ConfigPath(text) else {
            throw Diagnostic(at: keyOrigin, "The path \"\(text)\" has an empty part between its dots.")
        }
        for key in ConfigFile.keys.dropLast() where path.key(at: 0) == key {
            throw Diagnostic(
                at: keyOrigin, "\"\(key)\" can only be set in a file.",
                hint: "Write a file that extends the other one.")
        }
        self.path = path
        valueOffset = equals + 1
        value = Array(bytes[valueOffset...])
        valueOrigin = Origin(source: source, range: valueOffset..<bytes.count)
    }

    /// The equals sign that ends the path; one in brackets, as in `curve[threshold=1]`, doesn't.
    private static func equals(in bytes: [UInt8]) -> Int? {
        var isBracketed = false
        for (index, byte) in bytes.enumerated() {
            switch byte {
            case UInt8(ascii: "["): isBracketed = true
            case UInt8(ascii: "]"): isBracketed = false
            case UInt8(ascii: "=") where !isBracketed: return index
            default: break
            }
        }
        return nil
    }
}
