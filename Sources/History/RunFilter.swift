internal import Base
internal import JSON
internal import Recipes

/// A setting that runs are chosen by, as `--where` takes it: `stages.student.steps=600`.
package struct RunFilter: Sendable {
    private let path: String
    private let parts: [ConfigPath.Part]
    private let text: String
    private let value: JSONValue?

    /// - Throws: ``HistoryError`` for an argument without a path or an equals sign.
    package init(_ argument: String) throws(HistoryError) {
        guard let (before, after) = argument.byteText.cut(at: "="), !before.isEmpty,
            let path = ConfigPath(before.text)
        else {
            throw HistoryError(
                description:
                    "\"\(argument)\" is no setting to choose by; write a path, an equals sign and a value, as in --where stages.student.steps=600."
            )
        }
        self.path = before.text
        parts = path.parts
        text = after.text
        value = (try? JSONDocument(parsing: Array(text.utf8), name: "--where")).map { JSONValue($0.root) }
    }

    /// Whether a run has the value: at the path, or among those that a matrix or `replicate` gives it.
    package func matches(_ run: RunHistory.Run) -> Bool {
        values(run.settings).contains { given in
            if let x = given.double, let y = value?.double { return x == y }
            return given == value || given.string == text
        }
    }

    /// Says that no run has the setting, if that is so: a slip of the pen finds nothing either.
    ///
    /// - Throws: ``HistoryError`` with the nearest path that a run has.
    package func check(_ runs: [RunHistory.Run]) throws(HistoryError) {
        guard runs.allSatisfy({ values($0.settings).isEmpty }) else { return }
        var paths: [String] = []
        var seen: Set<String> = []
        for run in runs.reversed() {
            for path in Self.paths(run.settings) where seen.insert(path).inserted { paths.append(path) }
        }
        let hint = PathHint.nearest(to: path, among: paths).map { " Did you mean \"\($0)\"?" } ?? ""
        throw HistoryError(
            description:
                "No run gives \"\(path)\" a value.\(hint) Settings that are left to their defaults aren't recorded."
        )
    }

    /// Every value that the path has in a configuration.
    private func values(_ settings: JSONValue) -> [JSONValue] {
        var found: [JSONValue] = []
        if let value = Self.value(at: parts[...], in: settings) { found.append(value) }
        // A matrix's keys are paths from the stage on.
        if parts.count > 2, case .key(let section) = parts[0], case .key(let stage) = parts[1] {
            let inner = ConfigPath(Array(parts.dropFirst(2))).description
            found += settings[section]?[stage]?["matrix"]?[inner]?.array ?? []
        }
        let replicate = settings["replicate"]
        for axes in replicate?.array ?? [replicate].compactMap({ $0 }) { found += axes[path]?.array ?? [] }
        return found
    }

    private static func value(at parts: ArraySlice<ConfigPath.Part>, in value: JSONValue) -> JSONValue? {
        guard let part = parts.first else { return value }
        switch part {
        case .key(let key): return value[key].flatMap { Self.value(at: parts.dropFirst(), in: $0) }
        case .index(let index):
            guard let array = value.array, array.indices.contains(index) else { return nil }
            return Self.value(at: parts.dropFirst(), in: array[index])
        }
    }

    /// The paths that a configuration gives values, those of matrices as if they stood in the stage.
    private static func paths(_ settings: JSONValue) -> [String] {
        Settings.leaves(settings).map { leaf in
            guard let (stage, axis) = leaf.path.byteText.cut(at: ".matrix.") else { return leaf.path }
            return "\(stage.text).\(axis.text)"
        }
    }
}
