/// A place in a text: of a file, or of an argument on the command line.
package struct Origin: Sendable {
    package let source: SourceText
    package let range: Range<Int>
    /// Where `"${name}"` stood for the value that was written here, the place of the key that it is for last.
    package var uses: [Origin] = []

    package init(source: SourceText, range: Range<Int>) {
        self.source = source
        self.range = range
    }

    /// `configs/mini/table1.json:12:5`.
    package var place: String {
        let (line, column) = source.position(of: range.lowerBound)
        return "\(source.name):\(line):\(column)"
    }

    /// Where the key's value was set: where the variable is used, if it comes from one.
    package var setting: Origin { uses.last ?? self }
}
