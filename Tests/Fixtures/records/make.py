# Makes the files beside it: python make.py, with pandas 2 or later, pyarrow and datasets (Hugging Face).
import json, os, random
import pandas as pd, pyarrow as pa, pyarrow.parquet as pq, datasets
out=os.path.dirname(os.path.abspath(__file__))
os.makedirs(out, exist_ok=True)
random.seed(1)
names=['Ann','Bob','Cleo','Dan']; things=['apples','books','coins','shells']
rows=[]; seen=set()
while len(rows)<12:
    a,b=random.randint(2,9),random.randint(2,9)
    q=f"{random.choice(names)} has {a} {random.choice(things)} and buys {b} more. How many are there?"
    if q in seen: continue
    seen.add(q)
    rows.append({'id':f'q{len(rows)}','question':q,'answer':f"{a} + {b} = {a+b}, so there are {a+b}.\n#### {a+b}"})
df=pd.DataFrame(rows)
df.to_csv(out+'/pandas.csv',index=False)
df.to_csv(out+'/pandas-index.tsv',sep='\t')
df.to_json(out+'/pandas-records.json',orient='records')
df.to_json(out+'/pandas-columns.json')
df.to_json(out+'/pandas-lines.jsonl.gz',orient='records',lines=True,compression={'method':'gzip','mtime':0})
ds=datasets.Dataset.from_list(rows)
ds.to_json(out+'/datasets.json')
ds.to_parquet(out+'/datasets.parquet')
pq.write_table(pa.Table.from_pylist(rows),out+'/pyarrow.parquet',compression='snappy')
with pa.OSFile(out+'/pyarrow.arrow','wb') as f:
    t=pa.Table.from_pylist(rows)
    with pa.ipc.new_file(f,t.schema) as w: w.write_table(t)
chat=[{'messages':[{'role':'system','content':'Answer with a number.'},{'role':'user','content':r['question']},{'role':'assistant','content':r['answer'].split('#### ')[1]}]} for r in rows]
d=datasets.Dataset.from_list(chat)
d.to_json(out+'/datasets-chat.jsonl'); d.to_parquet(out+'/datasets-chat.parquet')
# columns of other names, numbers as answers, a missing value
df2=pd.DataFrame({'instruction':[r['question'] for r in rows],'output':[r['answer'] for r in rows],'result':[int(r['answer'].split('#### ')[1]) for r in rows]})
df2.to_parquet(out+'/pandas-renamed.parquet')
with open(out+'/plain.txt','w') as f:
    for r in rows: f.write(r['question']+'\n'+r['answer'].replace('\n',' ')+'\n\n')
json.dump(rows,open(out+'/expected.json','w'),indent=1)
os.makedirs(out+'/shards',exist_ok=True)
ds.select(range(0,8)).to_parquet(out+'/shards/train-00000-of-00001.parquet')
ds.select(range(8,12)).to_parquet(out+'/shards/test-00000-of-00001.parquet')
