"""
The whole product on one machine: `make demo`.

| module | its part |
|---|---|
| ``options`` | what was asked for |
| ``state`` | secrets, ports and the order file of a data folder, chosen once |
| ``processes`` | children in groups of their own, their logs and their end |
| ``stack`` | which servers make the product, with what environment |
| ``prepare`` | tables, static files and the staff account, in a child with Django |
| ``doors`` | what a merchant, a shopper and a support person can reach over HTTP |
| ``pages`` | reading their HTML |
| ``traffic`` | signed requests at a steady pace, timed |
| ``memory`` | the peak of what all processes hold |
| ``job`` | the main job, step by step, through those doors |
| ``screen`` | progress for a person at a terminal, sparse lines for a log |
"""
