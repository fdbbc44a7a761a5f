package import Base
package import Documents
package import JSON

/// All that is wrong in a configuration.
package struct ConfigurationError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }
    package var hasOwnLines: Bool { true }

    /// The problems, sorted by their place; never empty.
    package let diagnostics: [Diagnostic]

    package init(_ diagnostics: [Diagnostic]) {
        // Variants of one stage share most of their lines, and with them their problems.
        var seen: Set<Diagnostic> = []
        self.diagnostics = Self.byCause(
            diagnostics
                .filter { seen.insert($0).inserted }
                .sorted { ($0.file, $0.line, $0.column) < ($1.file, $1.line, $1.column) })
    }

    /// The first problem of each cause, with the places of the others.
    private static func byCause(_ problems: [Diagnostic]) -> [Diagnostic] {
        var told: [Diagnostic] = []
        var places: [String: Int] = [:]
        for problem in problems {
            guard let cause = problem.cause, let index = places[cause] else {
                if let cause = problem.cause { places[cause] = told.count }
                told.append(problem)
                continue
            }
            told[index].alsoAt.append(problem.place(besides: told[index].file))
        }
        return told
    }

    package var description: String {
        diagnostics.map(\.description).joined(separator: "\n\n")
            + "\n\n\(countText) found; nothing was run."
    }

    /// "1 problem"; not all of many are looked for.
    package var countText: String {
        switch diagnostics.count {
        case 1: "1 problem"
        case ..<ExperimentLoader.problemLimit: "\(diagnostics.count) problems"
        default: "At least \(diagnostics.count) problems"
        }
    }
}

/// Why a path can't be followed.
package struct PathProblem: Error {
    /// As a clause: "it leads into 5".
    package let reason: String
    package let hint: String?

    static func noContainer(_ found: JSONNode, for part: ConfigPath.Part) -> PathProblem {
        switch part {
        case .key(let key):
            PathProblem(
                reason: "can't be followed to \"\(key)\": it leads into \(found.shown)",
                hint: "Only objects have keys.")
        case .index(let index):
            PathProblem(
                reason: "can't be followed to [\(index)]: it leads into \(found.shown)",
                hint: "Only lists have elements.")
        }
    }

    static func noElement(_ index: Int, of count: Int) -> PathProblem {
        PathProblem(
            reason: "asks for element [\(index)] of a list of \(count)",
            hint: count > 0 ? "Elements are counted from 0: [0] to [\(count - 1)]." : nil)
    }

    static func noKey(_ key: String, of members: [JSONMember]) -> PathProblem {
        PathProblem(
            reason: "leads to no value: there is no key \"\(key)\"",
            hint: NearestName.hint(for: key, among: members.map(\.key), what: "Keys there"))
    }
}

extension JSONNode {
    /// The value at a path; nil if there is none.
    package subscript(path: ConfigPath) -> JSONNode? {
        var node = self
        for part in path.parts {
            switch part {
            case .key(let key):
                guard let child = node[key] else { return nil }
                node = child
            case .index(let index):
                guard let array = node.array, array.indices.contains(index) else { return nil }
                node = array[index]
            }
        }
        return node
    }

    /// Sets the value at a path, creating the objects on the way; what was there is replaced.
    ///
    /// `keyOrigin` is the place to which messages about the keys of the path point.
    package mutating func set(
        _ path: ArraySlice<ConfigPath.Part>, to new: JSONNode, keyOrigin: Origin
    ) throws(PathProblem) {
        guard let part = path.first else {
            self = new
            return
        }
        switch (part, value) {
        case (.key(let key), .object(var members)):
            // Taken out while the member is changed, so that the list isn't copied at every level.
            value = .null
            defer { value = .object(members) }
            let index = members.firstIndex { $0.key == key }
            if let index, path.count > 1 {
                try members[index].value.set(path.dropFirst(), to: new, keyOrigin: keyOrigin)
                return
            }
            var child = path.count == 1 ? new : JSONNode(value: .object([]), origin: keyOrigin)
            if path.count > 1 { try child.set(path.dropFirst(), to: new, keyOrigin: keyOrigin) }
            let member = JSONMember(key: key, keyOrigin: keyOrigin, value: child)
            if let index { members[index] = member } else { members.append(member) }
        case (.index(let index), .array(var elements)):
            guard elements.indices.contains(index) else {
                throw .noElement(index, of: elements.count)
            }
            value = .null
            defer { value = .array(elements) }
            try elements[index].set(path.dropFirst(), to: new, keyOrigin: keyOrigin)
        default: throw .noContainer(self, for: part)
        }
    }

    /// Takes the value at a path, which must be there, away.
    package mutating func remove(_ path: ArraySlice<ConfigPath.Part>) throws(PathProblem) {
        guard let part = path.first else { return }
        switch (part, value) {
        case (.key(let key), .object(var members)):
            guard let index = members.firstIndex(where: { $0.key == key }) else {
                throw .noKey(key, of: members)
            }
            if path.count == 1 {
                members.remove(at: index)
            } else {
                try members[index].value.remove(path.dropFirst())
            }
            value = .object(members)
        case (.index(let index), .array(var elements)):
            guard elements.indices.contains(index) else {
                throw .noElement(index, of: elements.count)
            }
            if path.count == 1 {
                elements.remove(at: index)
            } else {
                try elements[index].remove(path.dropFirst())
            }
            value = .array(elements)
        default: throw .noContainer(self, for: part)
        }
    }

    /// Lays another value over this one: objects are joined key by key, everything else is replaced.
    package mutating func merge(_ over: JSONNode) {
        guard case .object(var members) = value, case .object(let newer) = over.value else {
            self = over
            return
        }
        for member in newer {
            if let index = members.firstIndex(where: { $0.key == member.key }) {
                var merged = members[index].value
                merged.merge(member.value)
                members[index] = JSONMember(key: member.key, keyOrigin: member.keyOrigin, value: merged)
            } else {
                members.append(member)
            }
        }
        value = .object(members)
        origin = over.origin
    }
}
