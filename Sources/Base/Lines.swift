extension ArraySlice<UInt8> {
    /// Calls with each line, its end aside, and its number from 0.
    ///
    /// A list of all of them could be many times as large as the bytes.
    package func eachLine<E: Error>(_ body: (Int, ArraySlice<UInt8>) throws(E) -> Void) throws(E) {
        var (start, number) = (startIndex, 0)
        while true {
            let end = self[start...].firstIndex(of: UInt8(ascii: "\n")) ?? endIndex
            try body(number, self[start..<end])
            guard end < endIndex else { return }
            (start, number) = (end + 1, number + 1)
        }
    }
}
