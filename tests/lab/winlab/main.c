/* winlab: a simulated failover cluster that runs BizTalk. */
int main(void)
{
    return 0;
}
