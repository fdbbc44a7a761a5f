internal import Files
package import SystemPackage

/// Repeats every recorded case that a folder holds and says where results part.
package struct ParityRunner: Sendable {
    /// What became of each kind that the folder has, in the order of ``kinds``.
    package struct Outcome: Sendable, Hashable {
        package let results: [(name: String, tally: ParityTally)]

        /// Whether no case failed.
        package var hasPassed: Bool { results.allSatisfy { $0.tally.failures.isEmpty } }

        package static func == (a: Outcome, b: Outcome) -> Bool {
            a.results.elementsEqual(b.results) { $0 == $1 }
        }

        package func hash(into hasher: inout Hasher) {
            for (name, tally) in results {
                hasher.combine(name)
                hasher.combine(tally)
            }
        }
    }

    private let folder: FilePath

    /// - Parameter folder: a folder of the layout described in `Tests/Fixtures/golden/README.md`.
    package init(_ folder: FilePath) { self.folder = folder }

    /// Runs every kind whose file is there.
    ///
    /// - Parameter report: called with each line of the report as soon as it is known: one per kind, and below
    ///   a kind that failed its first divergence, below one with near-ties their cases.
    /// - Throws: ``ParityError`` when the folder doesn't exist or has no file of any kind.
    package func run(_ report: (String) -> Void) throws -> Outcome {
        guard try FileSystem.status(folder)?.kind == .folder else {
            throw ParityError("\(folder) isn't a folder. Give the path of a folder of recorded cases.")
        }
        let contents = ParityFolder(folder)
        let present = Self.kinds.filter { contents.has($0.file) }
        guard !present.isEmpty else {
            let known = Set(Self.kinds.map(\.file)).sorted().joined(separator: ", ")
            throw ParityError("\(folder) has no file of recorded cases. Such files are \(known).")
        }
        var results: [(name: String, tally: ParityTally)] = []
        for kind in present {
            var tally = ParityTally()
            do {
                try kind.run(contents, &tally)
            } catch {
                tally.record("\(error)")
            }
            report("\(kind.name): \(tally.summary)")
            if let first = tally.failures.first { report("  first divergence: \(first)") }
            if !tally.nearTies.isEmpty {
                report(
                    "  near-ties: \(tally.nearTies.count), which agree once candidates within"
                        + " \(NearTies.width) of each other swap: \(tally.nearTies.joined(separator: ", "))")
            }
            results.append((kind.name, tally))
        }
        return Outcome(results: results)
    }
}
