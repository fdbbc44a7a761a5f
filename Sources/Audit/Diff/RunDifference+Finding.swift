package import ArtifactStore
import JSON
import Recipes

extension RunDifference {
    /// Compares two runs, whose stores may differ.
    ///
    /// Artifacts are compared by what their records say of files and metrics; whether that is true is for
    /// ``Verifier`` to find out.
    ///
    /// - Throws: `StoreError` for an artifact of a newer version; `FileError`.
    package init(_ old: RunLocation, _ new: RunLocation) throws {
        let explainer = DifferenceExplainer(old.store, new.store)
        var entries: [StageEntry] = []
        var missing: [(stage: String, reason: String)] = []
        var sameCount = 0
        for stage in new.record.stages {
            guard let before = old.record[stage.stage] else { continue }
            guard let a = Self.artifact(before, old.store), let b = Self.artifact(stage, new.store) else {
                missing.append((stage.stage, Self.absence(before, stage)))
                continue
            }
            if let entry = explainer.entry(stage.stage, a, b) {
                entries.append(entry)
            } else {
                sameCount += 1
            }
        }
        let names = (old: Set(old.record.stages.map(\.stage)), new: Set(new.record.stages.map(\.stage)))
        self.init(
            old: old.address, new: new.address,
            circumstances: ValueDifference.between(old.record.circumstances, new.record.circumstances)
                .map(\.shortened),
            stages: entries, sameCount: sameCount,
            onlyOld: old.record.stages.map(\.stage).filter { !names.new.contains($0) },
            onlyNew: new.record.stages.map(\.stage).filter { !names.old.contains($0) }, missing: missing)
    }

    private static func absence(_ old: RunRecord.Entry, _ new: RunRecord.Entry) -> String {
        switch (old.isThere, new.isThere) {
        case (false, false): "neither run made it"
        case (false, true): "the first run didn't make it"
        case (true, false): "the second run didn't make it"
        case (true, true): "an artifact isn't whole in its store any more"
        }
    }

    private static func artifact(_ entry: RunRecord.Entry, _ store: Store) -> Artifact? {
        entry.isThere ? try? store.artifact(of: entry) : nil
    }
}

extension RunRecord.Entry {
    /// Whether the run left an artifact of it.
    var isThere: Bool { status == .made || status == .cached }
}

extension RunRecord {
    /// What isn't part of any recipe but may show in numbers.
    fileprivate var circumstances: JSONValue {
        [
            "code": code, "machine": machine,
            "environment": .object(
                JSONObject(environment.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) })),
            "config": [
                "file": .text(config?.file),
                "overrides": .array((config?.overrides ?? []).map(JSONValue.string)),
            ],
        ]
    }
}

extension ValueDifference {
    /// Hashes cut to what tells them apart.
    var shortened: ValueDifference {
        func short(_ text: String?) -> String? {
            guard let text, text.utf8.count > 40,
                text.unicodeScalars.dropFirst().dropLast().allSatisfy(\.properties.isASCIIHexDigit)
            else {
                return text
            }
            return String(text.dropFirst().prefix(12)) + "…"
        }
        return ValueDifference(path: path, old: short(old), new: short(new))
    }
}
