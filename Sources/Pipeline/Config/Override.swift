import JSON

/// One `--set path=value` of the command line.
struct Override {
    let path: [String]
    let value: ConfigNode
    let keyOrigin: Origin

    /// Reads `stages.curve.decoder.delay=1`: a value that isn't JSON is taken as text.
    init(_ argument: String) throws(Diagnostic) {
        let bytes = Array(argument.utf8)
        let source = SourceText(name: "--set", bytes: bytes)
        let whole = Origin(source: source, range: 0..<bytes.count)
        guard let equals = bytes.firstIndex(of: UInt8(ascii: "=")), equals > 0 else {
            throw Diagnostic(
                at: whole, "An override needs a path, an equals sign and a value.",
                hint: "For example: --set stages.curve.decoder.delay=1")
        }
        let path = String(decoding: bytes[..<equals], as: UTF8.self)
        self.path = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        self.keyOrigin = Origin(source: source, range: 0..<equals)
        guard !self.path.contains("") else {
            throw Diagnostic(at: keyOrigin, "The path \"\(path)\" has an empty part between its dots.")
        }
        let text = Array(bytes[(equals + 1)...])
        let valueOrigin = Origin(source: source, range: equals + 1..<bytes.count)
        do {
            let document = try JSONDocument(parsing: text, name: "--set")
            self.value = ConfigNode(document.root, source: source, base: equals + 1)
        } catch {
            if let first = text.first, "{[\"".utf8.contains(first) {
                throw Diagnostic(
                    at: valueOrigin, "The value starts like JSON, but \(error.message.lowercasedFirst)",
                    hint: "Quote the whole argument for the shell, as in --set 'path=[1, 2]'.")
            }
            self.value = ConfigNode(
                value: .string(String(decoding: text, as: UTF8.self)), origin: valueOrigin)
        }
    }

    /// Sets the value in the tree of the whole file.
    ///
    /// Keys that no kind knows are found later, when the stages are read, like those of the file.
    func apply(to root: inout ConfigNode) throws(Diagnostic) {
        if path.first == "stages", path.count >= 2 {
            let names = root["stages"]?.members?.map(\.key) ?? []
            guard names.contains(path[1]) else {
                throw Diagnostic(
                    at: keyOrigin, "There is no stage \"\(path[1])\" to set something in.",
                    hint: NearestName.hint(for: path[1], among: names, what: "Stages"))
            }
        }
        do {
            try root.set(path[...], to: value, keyOrigin: keyOrigin)
        } catch {
            throw Diagnostic(
                at: keyOrigin,
                "The path can't be followed to \"\(error.part)\": it leads into \(error.found).",
                hint: "Only objects have keys.")
        }
    }
}

extension String {
    /// A sentence inside another one.
    var lowercasedFirst: String {
        guard let first else { return self }
        return first.lowercased() + dropFirst()
    }
}
