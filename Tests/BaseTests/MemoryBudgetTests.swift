import Base
import Testing

@Suite struct MemoryBudgetTests {
    @Test func whatIsTakenIsCountedUntilItIsGivenBack() {
        let budget = MemoryBudget(fileBytes: 10, limit: 100)
        #expect(budget.take(60) && !budget.take(41) && budget.take(40))
        #expect(!budget.take(1) && budget.take(0))
        budget.giveBack(60)
        #expect(budget.take(60) && !budget.take(1))
        #expect(budget.refusal.contains("10 bytes"))
    }

    @Test func sizesThatNobodyHasDontOverflow() {
        #expect(!MemoryBudget(fileBytes: 0).take(Int.max))
        // Never more than the machine has, whatever a file without blocks on the disk says of itself.
        let most = MemoryBudget(fileBytes: Int.max).limit
        #expect(most >= 1 << 30 && most < 1 << 48)
        #expect(MemoryBudget(fileBytes: -1).limit == MemoryBudget(fileBytes: 0).limit)
    }

    @Test func smallFilesGetAGibibyte() {
        #expect(MemoryBudget(fileBytes: 200).limit <= 1 << 30 + 200 * 512)
    }
}
