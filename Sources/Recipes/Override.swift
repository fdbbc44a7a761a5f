internal import Base
package import JSON

/// A value that the command line sets.
package struct Override: Sendable {
    package let path: ConfigPath
    package var value: JSONNode
    let keyOrigin: Origin

    /// How the characters of a value are read; the key that they are for decides.
    package enum Form: Sendable {
        /// Text, with or without quotes; `null` is null where the key may be null.
        case text(acceptsNull: Bool)
        /// References: text, or JSON where it starts like a list or an object.
        case references
        /// JSON; what is none is taken for text, so that the key itself can say what it wants.
        case json

        package init(_ field: FieldDescription?) {
            guard let field else {
                self = .json
                return
            }
            switch field.type {
            case .string, .choice: self = .text(acceptsNull: field.acceptsNull)
            case .own:
                if case .one? = field.type.reference {
                    self = .text(acceptsNull: field.acceptsNull)
                } else {
                    self = .references
                }
            case .integer, .number, .flag, .list, .object: self = .json
            }
        }
    }

    /// The value of a variable: JSON, or text.
    init(_ argument: OverrideArgument) {
        path = argument.path
        keyOrigin = argument.keyOrigin
        let document = try? JSONDocument(parsing: argument.value, name: "--set")
        value =
            document.map {
                $0.root.moved(to: argument.valueOrigin.source, at: argument.valueOffset)
            }
            ?? JSONNode(
                value: .string(String(decoding: argument.value, as: UTF8.self)), origin: argument.valueOrigin)
    }

    /// Reads the value of an argument.
    package init(_ argument: OverrideArgument, _ form: Form) throws(Diagnostic) {
        path = argument.path
        keyOrigin = argument.keyOrigin
        let text = String(decoding: argument.value, as: UTF8.self)
        let plain = JSONNode(value: .string(text), origin: argument.valueOrigin)
        let first = argument.value.first
        let startsLikeJSON = first.map { "{[\"".utf8.contains($0) } ?? false
        switch form {
        case .text(let acceptsNull):
            let isNull = acceptsNull && text == "null"
            guard first == UInt8(ascii: "\"") || isNull else {
                value = plain
                return
            }
        case .references:
            guard startsLikeJSON else {
                value = plain
                return
            }
        case .json: break
        }
        do {
            let document = try JSONDocument(parsing: argument.value, name: "--set")
            value = document.root.moved(to: argument.valueOrigin.source, at: argument.valueOffset)
        } catch {
            guard !startsLikeJSON else {
                throw Diagnostic(
                    at: argument.valueOrigin,
                    "The value starts like JSON, but \(error.message.lowercasedFirst)",
                    hint: "Quote the whole argument for the shell, as in --set 'path=[1, 2]'.")
            }
            value = plain
        }
    }

    /// Sets the value in the tree of the whole configuration.
    ///
    /// It wins over a matrix: a key that it gives a value isn't swept any longer. Keys that no kind knows are found
    /// later, when the stages are read, like those of the file.
    func apply(to root: inout JSONNode) throws(Diagnostic) {
        if let (section, stage, _) = path.inStage {
            let names = root[section]?.members?.map(\.key) ?? []
            guard names.contains(stage) else {
                throw Diagnostic(
                    at: keyOrigin, "There is no stage \"\(stage)\" to set something in.",
                    hint: NearestName.hint(for: stage, among: names, what: "Stages"))
            }
        }
        if let meant = stageMeant(in: root) {
            throw Diagnostic(
                at: keyOrigin,
                "The experiment has no key \"\(path.key(at: 0) ?? "")\", but a stage of that name.",
                hint: "Did you mean \"\(meant)\"?")
        }
        do {
            try root.set(path.parts[...], to: value, keyOrigin: keyOrigin)
            try settleMatrix(in: &root)
            try settleReplication(in: &root)
        } catch {
            throw Diagnostic(at: keyOrigin, "The path \(error.reason).", hint: error.hint)
        }
    }

    /// The path that was meant where it begins with the name of a stage, and with no key of the experiment.
    private func stageMeant(in root: JSONNode) -> String? {
        guard path.parts.count > 1, let name = path.key(at: 0), root[name] == nil,
            ![Replication.key, Replication.summaryKey, UntilFields.key, Pins.key].contains(name)
        else { return nil }
        let section = ConfigPath.sections.first { root[$0]?[name] != nil }
        return section.map { "\($0).\(path)" }
    }

    /// Takes the path out of its stage's matrix, and sets it inside the values that the matrix gives to what is above.
    private func settleMatrix(in root: inout JSONNode) throws(PathProblem) {
        guard let (section, stage, inner) = path.inStage, inner.key(at: 0) != "matrix" else { return }
        let matrixPath = ConfigPath([.key(section), .key(stage), .key("matrix")])
        for axis in root[matrixPath]?.members ?? [] {
            guard let axisPath = ConfigPath(inStage: axis.key) else { continue }
            let place = matrixPath.appending(.key(axis.key))
            if axisPath == inner {
                try root.remove(place.parts[...])
            } else if axisPath.isProperPrefix(of: inner) {
                try setInside(axis, at: place, rest: inner.parts.dropFirst(axisPath.parts.count), of: &root)
            }
        }
        if root[matrixPath]?.members?.isEmpty ?? false { try root.remove(matrixPath.parts[...]) }
    }

    /// Sets the value inside each value of an axis that gives what is above.
    private func setInside(
        _ axis: JSONMember, at place: ConfigPath, rest: ArraySlice<ConfigPath.Part>, of root: inout JSONNode
    ) throws(PathProblem) {
        for index in (axis.value.array ?? []).indices {
            try root.set((place.parts + [.index(index)] + rest)[...], to: value, keyOrigin: keyOrigin)
        }
    }

    /// Leaves of what `replicate` makes for each value of the path the copies of the value set.
    ///
    /// Below a path that it varies, the value is set inside each of the values.
    ///
    /// A key that goes in step with others can only be set to one of its values, whose place the others keep too. Where
    /// one value is left of what varies slowest, there is nothing to look at again: `until` goes.
    func settleReplication(in root: inout JSONNode) throws(PathProblem) {
        guard let objects = root[Replication.key]?.array else {
            for (index, axis) in (root[Replication.key]?.members ?? []).enumerated() {
                let place: [ConfigPath.Part] = [.key(Replication.key), .key(axis.key)]
                try setBelow(axis, at: place, of: &root)
                guard ConfigPath(axis.key) == path else { continue }
                let one = JSONNode(value: .array([value]), origin: value.origin)
                try root.set(place[...], to: one, keyOrigin: keyOrigin)
                if index == 0 { try settleLooks(in: &root) }
            }
            return
        }
        for (index, object) in objects.enumerated() {
            let axes = object.members ?? []
            for axis in axes {
                try setBelow(axis, at: [.key(Replication.key), .index(index), .key(axis.key)], of: &root)
            }
            guard let axis = axes.first(where: { ConfigPath($0.key) == path }) else { continue }
            let given = JSONValue(value)
            let found = (axis.value.array ?? []).firstIndex { JSONValue($0) == given }
            if found == nil, axes.count > 1 {
                throw PathProblem(
                    reason:
                        "is varied by \"\(Replication.key)\" in step with others, and \(value.shown) isn't among its values",
                    hint: "Set \"\(Replication.key)\" itself: --set '\(Replication.key)=[…]'.")
            }
            for axis in axes {
                let kept = found.flatMap { place in
                    (axis.value.array ?? []).indices.contains(place) ? axis.value.array?[place] : nil
                }
                let one = JSONNode(value: .array([kept ?? value]), origin: value.origin)
                let place: [ConfigPath.Part] = [.key(Replication.key), .index(index), .key(axis.key)]
                try root.set(place[...], to: one, keyOrigin: keyOrigin)
            }
            if index == 0 { try settleLooks(in: &root) }
        }
    }

    private func setBelow(
        _ axis: JSONMember, at place: [ConfigPath.Part], of root: inout JSONNode
    ) throws(PathProblem) {
        guard let above = ConfigPath(axis.key), above.isProperPrefix(of: path) else { return }
        try setInside(axis, at: ConfigPath(place), rest: path.parts.dropFirst(above.parts.count), of: &root)
    }

    private func settleLooks(in root: inout JSONNode) throws(PathProblem) {
        guard root[UntilFields.key] != nil else { return }
        try root.remove([.key(UntilFields.key)][...])
    }
}

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

/// A dotted path to a value of a configuration: `stages.teacher.phases[1].steps`.
package struct ConfigPath: Hashable, Sendable, CustomStringConvertible {
    /// One step down the tree.
    package enum Part: Hashable, Sendable {
        case key(String)
        /// An element of a list, from 0.
        case index(Int)
    }

    package private(set) var parts: [Part]

    package init(_ parts: [Part]) { self.parts = parts }

    /// Reads a path that starts at a stage's object, as the keys of a matrix do; nil if a part is empty.
    package init?(inStage text: String) {
        var parts: [Part] = []
        for piece in text.byteText.split(".", keepingEmpty: true) {
            guard let split = Self.split(piece) else { return nil }
            parts += split
        }
        self.parts = parts
    }

    /// Reads a path that starts at the whole experiment; nil if a part is empty.
    ///
    /// All that follows `stages.<name>.matrix`, `replicate` or `replicate[n]` is one key, because the keys there are paths themselves.
    package init?(_ text: String) {
        let pieces = text.byteText.split(".", maxSplits: 3, keepingEmpty: true).map(\.text)
        if pieces.count > 1, pieces[0] == Replication.key {
            let rest = Substring(text.utf8.dropFirst(Replication.key.utf8.count + 1))
            guard !rest.isEmpty else { return nil }
            self.init([.key(Replication.key), .key(String(rest))])
        } else if pieces.count > 1, let first = Self.split(pieces[0].byteText), first.count == 2,
            first[0] == .key(Replication.key)
        {
            let rest = Substring(text.utf8.dropFirst(pieces[0].utf8.count + 1))
            guard !rest.isEmpty else { return nil }
            self.init(first + [.key(String(rest))])
        } else if pieces.count == 4, Self.sections.contains(String(pieces[0])), pieces[2] == "matrix" {
            guard !pieces[1].isEmpty, !pieces[3].isEmpty else { return nil }
            self.init(pieces.map { .key(String($0)) })
        } else {
            self.init(inStage: text)
        }
    }

    /// `phases[1]` as a key and an index; a bracket that holds no number belongs to the key.
    private static func split(_ piece: ByteText) -> [Part]? {
        var rest = piece
        var indices: [Part] = []
        while let (before, number) = rest.dropping(suffix: "]")?.cut(atLast: "["),
            let index = Int(number.text), index >= 0
        {
            indices.insert(.index(index), at: 0)
            rest = before
        }
        return rest.isEmpty ? nil : [.key(rest.text)] + indices
    }

    package var description: String {
        var text = ""
        for part in parts {
            switch part {
            case .key(let key): text += text.isEmpty ? key : ".\(key)"
            case .index(let index): text += "[\(index)]"
            }
        }
        return text
    }

    /// The key at a place of the path; nil beyond its end and for an index.
    package func key(at index: Int) -> String? {
        guard parts.indices.contains(index), case .key(let key) = parts[index] else { return nil }
        return key
    }

    /// The keys under which stages stand.
    static let sections = ["stages", Replication.summaryKey]

    /// The stage that the path leads into with the section that it is in, and the path from there; nil if it leads
    /// elsewhere.
    var inStage: (section: String, stage: String, rest: ConfigPath)? {
        guard let section = key(at: 0), Self.sections.contains(section), let stage = key(at: 1) else {
            return nil
        }
        return (section, stage, ConfigPath(Array(parts.dropFirst(2))))
    }

    /// Whether `other` leads to a value inside the one that this path leads to.
    func isProperPrefix(of other: ConfigPath) -> Bool {
        parts.count < other.parts.count && other.parts.starts(with: parts)
    }

    package func appending(_ part: Part) -> ConfigPath { ConfigPath(parts + [part]) }
}

/// Finds the path that somebody meant who wrote another one.
package enum PathHint {
    /// The path among `candidates` that is most like `path`: one that has it at its end, as `stages.student.steps` has
    /// `student.steps`; the only one with the same stage and the same last key, as `stages.d3llm.decoder.threshold` for
    /// `stages.d3llm.threshold`; or the nearest in spelling.
    package static func nearest(to path: String, among candidates: [String]) -> String? {
        if let longer = only(candidates.filter { $0.byteText.hasSuffix(".\(path)") }) { return longer }
        let pieces = path.byteText.split(".").map(\.text)
        let wanted = pieces.filter { !ConfigPath.sections.contains($0) }
        if let last = wanted.last, wanted.count > 1 {
            let alike = candidates.filter { candidate in
                let parts = candidate.byteText.split(".").map(\.text)
                return parts.last == last && parts.contains(wanted[0])
            }
            if let one = only(alike) { return one }
        }
        return NearestName.nearest(to: path, among: candidates)
    }

    private static func only(_ names: [String]) -> String? { names.count == 1 ? names.first : nil }
}
