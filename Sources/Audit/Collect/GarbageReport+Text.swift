import ArtifactStore
package import JSON
import Recipes
import SystemPackage

extension GarbageReport {
    /// How many paths of one kind are named; there can be thousands of locks.
    private static let most = 20

    /// What could go or has gone, for people.
    package var text: String {
        var text = ""
        // Names of locks and of the index say nothing to people.
        let silent: Set<GarbageCollector.Item.Kind> = [.index, .lock]
        let width = min(70, items.filter { !silent.contains($0.kind) }.map(\.path.string.count).max() ?? 0)
        for kind in GarbageCollector.Item.Kind.allCases {
            let own = items.filter { $0.kind == kind }
            guard !own.isEmpty else { continue }
            text +=
                "\(kind.title): \(Readable.count(own.count)), \(Readable.size(own.reduce(0) { $0 + $1.size }))\n"
            guard !silent.contains(kind) else { continue }
            for item in own.prefix(Self.most) {
                let padding = String(repeating: " ", count: max(0, width - item.path.string.count))
                text += "  \(item.path)\(padding)  \(Readable.size(item.size)), \(item.reason)\n"
            }
            if own.count > Self.most { text += "  and \(own.count - Self.most) more\n" }
        }
        if !foreign.isEmpty {
            text += "Not known, left alone: \(Readable.count(foreign.count))\n"
            for (path, reason) in foreign.prefix(Self.most) { text += "  \(path.shown): \(reason)\n" }
            if foreign.count > Self.most { text += "  and \(foreign.count - Self.most) more\n" }
        }
        if let note { text += "\(note)\n" }
        return text + (text.isEmpty ? "" : "\n") + summary + "\n"
    }

    private var summary: String {
        let kept = keptArtifacts == 1 ? "1 artifact stays" : "\(Readable.count(keptArtifacts)) artifacts stay"
        guard !items.isEmpty else { return "Nothing to remove; \(kept)." }
        let things = items.count == 1 ? "1 thing" : "\(Readable.count(items.count)) things"
        guard let removed else {
            return
                "\(things) of \(Readable.size(size)) can go; \(kept). Nothing was removed: --yes removes what is listed."
        }
        let freed = Readable.size(removed.reduce(0) { $0 + $1.size })
        guard removed.count == items.count else {
            return
                "Removed \(removed.count) of \(things), \(freed); the others were taken up meanwhile. \(kept)."
        }
        return "Removed \(things), \(freed); \(kept)."
    }

    /// The same as JSON.
    package var value: JSONValue {
        let gone = Set(removed ?? [])
        return [
            "removing": .bool(removed != nil), "sizeBytes": .integer(size),
            "keptArtifacts": .integer(keptArtifacts),
            "note": .text(note),
            "items": .array(
                items.map {
                    [
                        "kind": .string($0.kind.rawValue), "path": .string($0.path.string),
                        "sizeBytes": .integer($0.size), "reason": .string($0.reason),
                        "removed": .bool(gone.contains($0)),
                    ]
                }),
            "foreign": .array(
                foreign.map { ["path": .string($0.path.string), "reason": .string($0.reason)] }),
        ]
    }
}

extension FilePath {
    /// The path without what a terminal would act on: names in a store can be anybody's.
    fileprivate var shown: String {
        String(string.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : Character($0) })
    }
}
