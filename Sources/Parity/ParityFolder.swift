package import Base
internal import Documents
internal import Files
internal import JSON
package import SystemPackage
package import Transformers

/// A folder of recorded cases: `decode_*.json`, `trajectory.json`, … and `models/<name>/`.
package final class ParityFolder {
    package let path: FilePath
    /// Where models are that aren't in it.
    private let others: [FilePath]
    private var models: [String: Transformer] = [:]

    /// - Parameter models: Folders of models, looked at where the folder's own has none of a name.
    package init(_ path: FilePath, models: [FilePath] = []) {
        self.path = path
        others = models
    }

    /// Whether the folder has this file.
    package func has(_ name: String) -> Bool { FileSystem.exists(path.appending(name)) }

    /// The cases of a JSON file.
    func cases(of name: String) throws -> CaseNode {
        try read(path.appending(name))
    }

    private func read(_ file: FilePath) throws -> CaseNode {
        let document = try JSONDocument(parsing: try FileSystem.read(file), name: file.string)
        return CaseNode(document.root, subject: "the file")
    }

    /// The model `models/<name>`; loaded once.
    package func model(_ name: String) throws -> Transformer {
        if let model = models[name] { return model }
        let model = try Checkpoint.load(try folder(ofModel: name))
        models[name] = model
        return model
    }

    /// The family that a model's `config.json` names, in lower case.
    ///
    /// Without that file it is the first part of the model's name, so that a file may hold cases of families
    /// whose models aren't in the folder.
    func family(ofModel name: String) throws -> String {
        let configuration = try folder(ofModel: name).appending("config.json")
        guard FileSystem.exists(configuration) else {
            return String(name.unicodeScalars.prefix { $0 != "_" })
        }
        return try read(configuration).string("model_type").lowercased()
    }

    /// Where a model is, or should be.
    func folder(ofModel name: String) throws -> FilePath {
        let name = try plain(name)
        let places = [path.appending("models")] + others
        return (places.first { FileSystem.exists($0.appending(name)) } ?? places[0]).appending(name)
    }

    /// A name that stays inside the folder.
    private func plain(_ name: String) throws -> String {
        guard FilePath(foreign: name) != nil, FilePath.Component(name)?.kind == .regular else {
            throw ParityError("\"\(name)\" can't be the name of a model in \(path)/models.")
        }
        return name
    }
}

/// Why recorded cases can't be read.
package struct ParityError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }

    /// What is wrong, where, and what would be right.
    package let description: String

    package init(_ description: String) { self.description = description }
}

/// One kind of recorded cases: knows its files and how to repeat them.
///
/// To add a kind, write a type in `Kinds/` and name it in ``ParityRunner/kinds``.
package protocol ParityKind: Sendable {
    /// Family and subject, for example `llada/decode`.
    var name: String { get }
    /// The file whose presence says that there are cases of this kind.
    var file: String { get }
    /// Repeats every case in `folder` and notes which agree.
    ///
    /// - Throws: whatever keeps the kind from being run at all; it counts as a failure.
    func run(_ folder: ParityFolder, _ tally: inout ParityTally) throws
}

/// What became of the cases of one kind.
package struct ParityTally: Sendable, Hashable {
    /// Number of cases that agree.
    package private(set) var passed = 0
    /// What is different in each case that doesn't.
    package private(set) var failures: [String] = []
    /// The cases among those that agree only once a near-tie is decided otherwise.
    package private(set) var nearTies: [String] = []
    /// Number of cases that weren't run, because rows of a batch influence one another in them or upstream fails.
    package private(set) var leftOut = 0
    /// Why the cases weren't run, if they weren't.
    package private(set) var skipped: String?

    package init() {}

    /// Notes one case; `divergence` is nil if it agrees, else where it first doesn't.
    package mutating func record(_ divergence: String?) {
        if let divergence { failures.append(divergence) } else { passed += 1 }
    }

    /// Notes a case that agrees once candidates within ``NearTies/width`` of each other swap.
    mutating func recordNearTie(_ id: String) {
        passed += 1
        nearTies.append(id)
    }

    /// Counts a case that isn't run.
    mutating func leaveOut() { leftOut += 1 }

    /// Says that the cases aren't run.
    package mutating func skip(_ reason: String) { skipped = reason }

    /// `185 passed, 0 failed`, or why there is nothing to count.
    package var summary: String {
        let others = leftOut == 0 ? "" : ", \(leftOut) left out: rows that influence one another"
        return skipped.map { "skipped, \($0)" } ?? "\(passed) passed, \(failures.count) failed\(others)"
    }
}
