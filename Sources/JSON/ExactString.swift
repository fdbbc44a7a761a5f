/// A string that equals only one of the same bytes.
///
/// Swift's `==` takes é and e followed by a combining accent for the same text. They are two keys to JSON, and
/// the vocabularies of tokenizers rightly hold both.
struct ExactString: Hashable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (a: ExactString, b: ExactString) -> Bool { a.text.hasSameBytes(as: b.text) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
    }
}

extension String {
    /// Whether both have the same UTF-8 bytes.
    func hasSameBytes(as other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}
