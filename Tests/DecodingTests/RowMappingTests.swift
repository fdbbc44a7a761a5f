import Testing

@testable import Decoding

@Suite struct RowMappingTests {
    @Test func withoutShiftAPositionIsPredictedByItsOwnRow() {
        let request = ForwardRequest(.cached, inputs: 4..<10, candidates: [4, 6, 9], cache: .read)
        let mapping = RowMapping(request, shift: false) { _ in false }
        #expect(mapping.rows == [0, 2, 5])
        #expect(mapping.sources == [.row(0), .row(1), .row(2)])
        #expect(mapping.toKeep.isEmpty)
    }

    @Test func withShiftAPositionIsPredictedByTheRowBefore() {
        let request = ForwardRequest(.full, inputs: 0..<10, candidates: [5, 7])
        let mapping = RowMapping(request, shift: true) { _ in false }
        #expect(mapping.rows == [4, 6])
        #expect(mapping.sources == [.row(0), .row(1)])
    }

    @Test func positionZeroKeepsItsOwnRow() {
        let request = ForwardRequest(.full, inputs: 0..<3, candidates: [0, 1, 2])
        let mapping = RowMapping(request, shift: true) { _ in false }
        #expect(mapping.rows == [0, 1])
        #expect(mapping.sources == [.row(0), .row(0), .row(1)])
    }

    @Test func theFirstPositionBesideACacheUsesTheKeptRow() {
        let request = ForwardRequest(.cached, inputs: 4..<10, candidates: [4, 5], cache: .read)
        let mapping = RowMapping(request, shift: true) { $0 == 3 }
        #expect(mapping.rows == [0])
        #expect(mapping.sources == [.kept(3), .row(0)])
    }

    @Test func localBoundaryUsesTheFirstRowTwice() {
        let request = ForwardRequest(
            .cached, inputs: 4..<10, candidates: [4, 5], cache: .read, boundaryRow: .local)
        let mapping = RowMapping(request, shift: true) { _ in true }
        #expect(mapping.rows == [0])
        #expect(mapping.sources == [.row(0), .row(0)])
    }

    @Test func rowsBeforeABoundaryAreKeptForLater() {
        let request = ForwardRequest(
            .prefill, inputs: 0..<10, candidates: [7], cache: .rebuild(4), boundaries: [4])
        let mapping = RowMapping(request, shift: true) { _ in false }
        #expect(mapping.rows == [3, 6])
        #expect(mapping.sources == [.row(1)])
        #expect(mapping.toKeep.map(\.position) == [3] && mapping.toKeep.map(\.row) == [0])
        #expect(RowMapping(request, shift: false) { _ in false }.toKeep.isEmpty)
    }

    @Test func aForwardThatPredictsTheNextTokenShiftsWhateverTheModel() {
        let request = ForwardRequest(
            .cacheUpdate, inputs: 6..<7, candidates: [7], cache: .append(1), predictsNext: true)
        let mapping = RowMapping(request, shift: false) { _ in false }
        #expect(mapping.rows == [0] && mapping.sources == [.row(0)])
    }
}
