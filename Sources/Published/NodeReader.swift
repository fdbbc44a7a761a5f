internal import Base
package import Documents
internal import Files
internal import JSON
internal import SystemPackage

/// A value of a data file; every mistake is named with its place.
typealias NodeReader = DocumentValue<PublishedDataError>

extension DocumentValue<PublishedDataError> {
    /// The root object of a file, in which comments may stand.
    ///
    /// - Throws: `FileError`, `JSONSyntaxError`, `PublishedDataError`.
    init(file: FilePath) throws {
        let document = try JSONDocument(
            parsing: FileSystem.read(file), name: file.string, allowComments: true)
        self.init(document.root, subject: "this file")
        _ = try members()
    }

    /// The values of an object, without their places.
    func values() throws(PublishedDataError) -> JSONObject {
        JSONObject(try members().map { ($0.key, JSONValue($0.value.node)) })
    }

    /// A text that is one of the raw values of a type.
    func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ key: String
    ) throws(PublishedDataError) -> Choice {
        try required(key).choice()
    }
}

extension PublishedDataError: DocumentProblem {
    package init(_ flaw: DocumentFlaw) {
        let (source, offset) = (flaw.origin.source, flaw.origin.range.lowerBound)
        self.init(
            file: source.name,
            "\(flaw.origin.place.visible): \(flaw.message.capitalizedFirst.visible)\n\(source.excerpt(at: offset))"
        )
    }
}
