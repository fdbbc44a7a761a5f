package import Base
internal import Recipes
internal import SystemPackage

/// A file of published data that doesn't have the form that it should, and where.
package struct PublishedDataError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .inputOutput }
    package var hasOwnLines: Bool { true }

    /// The file.
    package let file: String
    package let description: String

    init(file: String, _ message: String) {
        self.file = file
        description = message
    }
}

/// A table, benchmark or file that isn't among the published ones.
package struct UnknownPublishedNameError: Failure, Sendable, Hashable {
    package var failureKind: FailureKind { .request }

    package let description: String

    init(_ name: String, among names: [String]) {
        let nearest = NearestName.nearest(to: name, among: names)
        let hint = nearest.map { "Did you mean \"\($0)\"?" } ?? "There are \(names.joined(separator: ", "))."
        description = "There is no published table \"\(name)\". \(hint)"
    }

    init(folder: FilePath) {
        description =
            "There is no folder of published numbers at \(folder). Run the command in the repository, or name the "
            + "folder with --published."
    }
}
