/// Finds which of several byte strings a text continues with; always the longest.
struct ByteTrie: Sendable {
    private struct Node: Sendable {
        let byte: UInt8
        /// The number of the string that ends here, or -1.
        var value: Int32 = -1
        var firstChild: Int32 = -1
        var sibling: Int32 = -1
    }

    private var nodes: [Node] = []
    /// The node of each first byte, or -1.
    private var roots = [Int32](repeating: -1, count: 256)

    /// Whether there are no strings.
    var isEmpty: Bool { nodes.isEmpty }

    /// Adds a string; the value of one that is there already stays.
    mutating func insert(_ key: some Sequence<UInt8>, _ value: Int) {
        var current: Int32 = -1
        for byte in key {
            var next = current < 0 ? roots[Int(byte)] : child(of: current, byte)
            if next < 0 {
                next = Int32(nodes.count)
                nodes.append(Node(byte: byte))
                if current < 0 {
                    roots[Int(byte)] = next
                } else {
                    nodes[Int(next)].sibling = nodes[Int(current)].firstChild
                    nodes[Int(current)].firstChild = next
                }
            }
            current = next
        }
        if current >= 0, nodes[Int(current)].value < 0 { nodes[Int(current)].value = Int32(value) }
    }

    /// The first place at or behind `start` where a string stands, and the longest one there.
    func firstMatch(
        in text: UnsafeBufferPointer<UInt8>, from start: Int
    ) -> (range: Range<Int>, value: Int)? {
        guard !nodes.isEmpty else { return nil }
        return roots.withUnsafeBufferPointer { roots in
            for offset in start..<max(start, text.count) where roots[Int(text[offset])] >= 0 {
                if let found = longest(in: text, at: offset, roots[Int(text[offset])]) { return found }
            }
            return nil
        }
    }

    private func longest(
        in text: UnsafeBufferPointer<UInt8>, at start: Int, _ root: Int32
    ) -> (range: Range<Int>, value: Int)? {
        var found: (range: Range<Int>, value: Int)?
        var node = root
        var end = start + 1
        while node >= 0 {
            let value = nodes[Int(node)].value
            if value >= 0 { found = (start..<end, Int(value)) }
            guard end < text.count else { break }
            node = child(of: node, text[end])
            end += 1
        }
        return found
    }

    private func child(of node: Int32, _ byte: UInt8) -> Int32 {
        var child = nodes[Int(node)].firstChild
        while child >= 0, nodes[Int(child)].byte != byte { child = nodes[Int(child)].sibling }
        return child
    }
}
